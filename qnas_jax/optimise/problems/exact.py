"""Costs in double precision, on the host, of problems whose numbers are known.

What optimisers compute with is float32, which tells apart numbers up to 2^24 steps: a
constant, or a penalty that is expanded into squares and a constant, may leave nothing
of the costs themselves. So constants are put apart and costs written out here, and the
costs of what was found are computed anew.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.levels import Levels, one_hots
from qnas_jax.optimise.problems.problem import Diagonal, Problem, number_of
from qnas_jax.optimise.problems.quadratic import Quadratic


@functools.singledispatch
def exact_costs(problem: Any, levels: Any) -> np.ndarray:
    """Costs float64 [...] of assignments [..., L]; of a user's class as it gives them.

    Args:
      problem: with known numbers.
      levels: integers [..., L].
    """
    return np.asarray(problem.cost(jnp.asarray(levels)), np.float64)


@exact_costs.register
def _(problem: Quadratic, levels: Any) -> np.ndarray:
    x = np.asarray(levels, np.float64)
    pairs = np.sum((x @ _wide(problem.quadratic)) * x, axis=-1)
    return _wide(problem.constant) + x @ _wide(problem.linear) + pairs


@exact_costs.register
def _(problem: Diagonal, levels: Any) -> np.ndarray:
    return _wide(problem.values)[np.asarray(number_of(levels, problem.num_levels))]


@exact_costs.register
def _(problem: Levels, levels: Any) -> np.ndarray:
    levels = np.asarray(levels)
    registers = np.arange(len(problem.num_levels))
    pairs = _wide(problem.pairwise)[
        registers[:, None], registers, levels[..., :, None], levels[..., None, :]
    ]
    alone = _wide(problem.unary)[registers, levels].sum(axis=-1)
    return _wide(problem.constant) + alone + pairs.sum(axis=(-2, -1))


@functools.singledispatch
def exact_table(problem: Any) -> np.ndarray:
    """Costs float64 [N] of all assignments, the last register fastest.

    Args:
      problem: with known numbers, over registers that can be written out.
    """
    return np.array(problem.table(), np.float64)


@exact_table.register
def _(problem: Diagonal) -> np.ndarray:
    return np.array(problem.values, np.float64)


@exact_table.register
def _(problem: Quadratic) -> np.ndarray:
    linear, quadratic = _wide(problem.linear), _wide(problem.quadratic)
    middle = len(linear) // 2
    first, second = slice(None, middle), slice(middle, None)
    rows, columns = (_bit_table(count) for count in (middle, len(linear) - middle))
    return _by_halves(
        rows @ quadratic[first, second] @ columns.T,
        _alone(rows, linear[first], quadratic[first, first]),
        _alone(columns, linear[second], quadratic[second, second]),
        problem.constant,
    )


@exact_table.register
def _(problem: Levels) -> np.ndarray:
    unary, pairwise = _wide(problem.unary), _wide(problem.pairwise)
    most = unary.shape[1]
    middle = (len(problem.num_levels) + 1) // 2
    first, second = slice(None, middle), slice(middle, None)
    known = np.arange(most) < np.asarray(problem.num_levels)[:, None]
    unary = np.where(known, unary, 0.0)

    def part(own: slice, other: slice) -> np.ndarray:
        between = pairwise[own, other].transpose(0, 2, 1, 3)
        return between.reshape(between.shape[0] * most, between.shape[2] * most)

    rows, columns = (one_hots(problem.num_levels[x], most) for x in (first, second))
    return _by_halves(
        rows @ part(first, second) @ columns.T,
        _alone(rows, unary[first].reshape(-1), part(first, first)),
        _alone(columns, unary[second].reshape(-1), part(second, second)),
        problem.constant,
    )


def without_constant(problem: Problem) -> tuple[Problem, Array | float]:
    """A problem whose constant is zero, and the constant []; of a form only."""
    if isinstance(problem, Quadratic | Levels):
        return dataclasses.replace(problem, constant=0.0), problem.constant
    return problem, 0.0


def passes_single(problem: Any) -> bool:
    """Whether float64 holds all costs of a form exactly, and float32 does not.

    So it is with whole numbers, in any unit, that add up to more than 2^24.
    """
    if not isinstance(problem, Quadratic | Levels):
        return False
    total, finest = 0.0, math.inf
    for leaf in jax.tree.leaves(problem):
        for row in np.atleast_1d(_wide(leaf)):
            known = np.abs(row[row != 0])
            if known.size:
                total += float(known.sum())
                finest = min(finest, float(_last_bit(known).min()))
            if total >= 2.0**53 * finest:
                return False
    return total > 2.0**24 * finest


def _last_bit(values: np.ndarray) -> np.ndarray:
    """The largest powers of two that positive numbers are whole multiples of."""
    mantissa, exponent = np.frexp(values)
    digits = np.ldexp(mantissa, 53).astype(np.int64)
    return np.ldexp((digits & -digits).astype(np.float64), exponent - 53)


def _by_halves(
    between: np.ndarray, head: np.ndarray, tail: np.ndarray, constant: Any
) -> np.ndarray:
    """Costs [N] of both halves, in place: N may be large."""
    between += head[:, None]
    between += tail[None, :] + _wide(constant)
    return between.reshape(-1)


def _alone(rows: np.ndarray, linear: np.ndarray, quadratic: np.ndarray) -> np.ndarray:
    """Costs of one half by itself."""
    return rows @ linear + np.sum((rows @ quadratic) * rows, axis=1)


def _bit_table(num_bits: int) -> np.ndarray:
    """All bit strings, float64 [2^n, n], bit 0 first."""
    return ((np.arange(2**num_bits)[:, None] >> np.arange(num_bits)[::-1]) & 1) * 1.0


def _wide(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64)
