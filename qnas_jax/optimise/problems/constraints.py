"""Linear constraints over bits: by penalty, or as a filter of what is feasible.

Letters: equalities e . x = t, and inequalities a . x <= b. Three ways to have them:

    penalised           a quadratic form: + A (e . x - t)^2, and for an inequality with
                        whole numbers + A (b - a . x - slack)^2 over extra slack bits
                        (Lucas, Front. Phys. 2 (2014), section 5)
    penalised_diagonal  + A violation on the list of all costs: no slack bits, and no
                        square that would drown the cost
    feasible_diagonal   infeasible strings cost what one says; with infinity Grover
                        search marks feasible strings only

`keep_feasible` filters what any optimiser returned. Mixers that never leave the
feasible strings belong to QAOA.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.exact import exact_costs, exact_table
from qnas_jax.optimise.problems.problem import Diagonal, Problem, check_stored, num_bits
from qnas_jax.optimise.problems.quadratic import Quadratic, qubo
from qnas_jax.optimise.result import Result
from qnas_jax.quantum.conventions import bits_of
from qnas_jax.quantum.inputs import check_numbers, is_known
from qnas_jax.value import Value

# Of sums, by the sizes of their terms.
_TOLERANCE = 1e-12
_SINGLE = 4 * float(np.finfo(np.float32).eps)


class Constraints(Value):
    """Linear equalities and inequalities; made by `constraints`.

    Attributes:
      equal_weights: [E, n] the e.
      equal_targets: [E] the t.
      most_weights: [I, n] the a.
      most_bounds: [I] the b.
      tolerances: [E + I] by how much each may be missed, as sums are rounded.
    """

    equal_weights: Array | np.ndarray
    equal_targets: Array | np.ndarray
    most_weights: Array | np.ndarray
    most_bounds: Array | np.ndarray
    tolerances: Array | np.ndarray

    @property
    def num_bits(self) -> int:
        """n, the number of bits."""
        return int(self.equal_weights.shape[-1])

    def violation(self, bits: Array) -> Array:
        """By how much each is missed, [..., E + I], of bit strings [..., n]."""
        xp: Any = np if is_known((self, bits)) else jnp
        x = xp.asarray(bits) * xp.ones((), xp.asarray(self.equal_targets).dtype)
        row = (1,) * (x.ndim - 1) + (-1,)
        equal, most = (
            xp.matmul(x, xp.asarray(weights).T) - xp.asarray(sides).reshape(row)
            for weights, sides in (
                (self.equal_weights, self.equal_targets),
                (self.most_weights, self.most_bounds),
            )
        )
        return xp.concatenate([xp.abs(equal), xp.maximum(most, 0.0)], axis=-1)

    def feasible(self, bits: Array) -> Array:
        """Bool [...]: which of the bit strings [..., n] satisfy all of them."""
        missed = self.violation(bits)
        rounding = 1.0 if missed.dtype == np.float64 else _SINGLE / _TOLERANCE
        row = (1,) * (missed.ndim - 1) + (-1,)
        allowed = self.tolerances.reshape(row) * rounding
        return (missed <= allowed).all(axis=-1)


def constraints(
    num_bits: int,
    *,
    equal: tuple[tuple[Any, float], ...] = (),
    at_most: tuple[tuple[Any, float], ...] = (),
) -> Constraints:
    """Makes constraints from rows (weights [n], right-hand side).

    Args:
      num_bits: n.
      equal: rows of weights . x = target.
      at_most: rows of weights . x <= bound.

    Returns:
      The constraints.

    Raises:
      UserError: weights that are not n finite numbers, or a side that is none.
    """
    rows = [_rows("equal", equal, num_bits), _rows("at_most", at_most, num_bits)]
    (equals, targets, equal_slips), (mosts, bounds, most_slips) = rows
    slips = np.concatenate([equal_slips, most_slips])
    return Constraints(equals, targets, mosts, bounds, slips)


def penalised(form: Quadratic, limits: Constraints, penalty: float) -> Quadratic:
    """A quadratic form that costs `penalty` times each squared violation more.

    Inequalities get slack bits behind the n bits of the form: 1, 2, 4, ... and a last
    one of what is left, so that they reach every whole number from 0 to the largest
    possible slack. The original bits are the first n.

    Args:
      form: over n bits; concrete values.
      limits: over the same bits; inequalities with whole numbers only.
      penalty: A > 0.

    Returns:
      The form over n bits and the slack bits.

    Raises:
      UserError: an inequality with a fraction, or one that no string satisfies; a
        penalty that is not a number above 0.
    """
    n = len(form.num_levels)
    _check_bits(n, limits)
    _check_penalty(penalty)
    weights = np.asarray(limits.most_weights, float)
    bounds = np.asarray(limits.most_bounds, float)
    single = (bounds == 1) & np.isin(weights, (0, 1)).all(axis=1)
    rows, sides = _with_slack(limits, weights[~single], bounds[~single])
    # (r . x - t)^2 = x' r r' x - 2 t r . x + t^2, and x_i^2 = x_i.
    matrix = rows.T @ rows - 2 * np.diag(sides @ rows)
    matrix[:n, :n] += np.triu(weights[single].T @ weights[single], k=1)
    matrix *= penalty
    matrix[:n, :n] += np.asarray(form.quadratic) + np.diag(np.asarray(form.linear))
    return qubo(matrix, float(form.constant) + penalty * float(sides @ sides))


def slack_weights(weights: np.ndarray, bound: float) -> list[int]:
    """Weights of the slack bits of a . x <= b: 1, 2, 4, ..., and the rest.

    Args:
      weights: [n] whole numbers a.
      bound: whole number b.

    Returns:
      Weights whose subsets sum to every whole number from 0 to b - min(a . x).

    Raises:
      UserError: a fraction, or no string satisfies the inequality.
    """
    if not (np.asarray(weights) % 1 == 0).all() or bound % 1:
        raise UserError(
            f"slack bits: got a bound {bound} or weights with a fraction, expected "
            "whole numbers; scale them, or use penalised_diagonal"
        )
    largest = int(bound - np.minimum(weights, 0).sum())
    if largest < 0:
        raise UserError(f"no bits reach the bound {bound}: got a slack of {largest}")
    slack: list[int] = []
    while largest:
        slack.append(min(2 ** len(slack), largest))
        largest -= slack[-1]
    return slack


def penalised_diagonal(
    problem: Problem, limits: Constraints, penalty: Array | float
) -> Diagonal:
    """All costs, plus `penalty` times the sum of all violations.

    Args:
      problem: n bits, at most `MOST_STORED_QUBITS`.
      limits: over the same bits; any real numbers.
      penalty: [] above 0, in units of the cost.

    Raises:
      UserError: a penalty that is not above 0, or limits over other bits.
    """
    _check_penalty(penalty)
    known = is_known((problem, limits, penalty))
    missed = limits.violation(_all_bits(problem, limits))
    costs = exact_table(problem) if known else problem.table()
    return Diagonal(costs + penalty * missed.sum(axis=-1), problem.num_levels)


def feasible_diagonal(
    problem: Problem, limits: Constraints, invalid_cost: Array | float | None = None
) -> Diagonal:
    """All costs, with those of infeasible strings replaced.

    Args:
      problem: n bits, at most `MOST_STORED_QUBITS`.
      limits: over the same bits.
      invalid_cost: [] the cost of infeasible strings; None for that of the worst
        feasible one, which leaves the range of the costs as it is. Infinity is for
        searches that compare only: exhaustive and Grover search.

    Raises:
      UserError: no string is feasible; where that is traced, all cost infinity.
    """
    allowed = limits.feasible(_all_bits(problem, limits))
    xp: Any = np if is_known((problem, limits, invalid_cost)) else jnp
    if xp is np and not allowed.any():
        raise UserError(
            "constraints: got none of all strings that is feasible, expected one at "
            "least"
        )
    costs = exact_table(problem) if xp is np else problem.table()
    if invalid_cost is None:
        worst = xp.max(costs, where=allowed, initial=-xp.inf)
        invalid_cost = xp.where(allowed.any(), worst, xp.inf)
    return Diagonal(xp.where(allowed, costs, invalid_cost), problem.num_levels)


def keep_feasible(result: Result, problem: Problem, limits: Constraints) -> Result:
    """The same result with the best *feasible* string among best and samples.

    Args:
      result: of an optimiser, over n bits or n bits and slack bits behind them.
      problem: the n bits without penalties.
      limits: over the same n bits.

    Returns:
      Bits [n] and samples [S, n] without slack bits, costs without penalties;
      infeasible ones cost infinity, and so does `cost` if no string was feasible.

    Raises:
      UserError: limits over another number of bits.
    """
    n = len(problem.num_levels)
    _check_bits(n, limits)
    known = is_known((result, problem, limits))
    xp: Any = np if known else jnp
    strings = jnp.concatenate([result.levels[None], result.samples])[:, :n]
    costs = exact_costs(problem, strings) if known else problem.cost(strings)
    costs = xp.where(limits.feasible(strings), costs, xp.inf)
    first = int(costs.argmin()) if known else costs.argmin()
    return result._replace(
        levels=strings[first],
        cost=costs[first],
        samples=strings[1:],
        sample_costs=costs[1:],
    )


def _with_slack(
    limits: Constraints, weights: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Equalities [E + I, n + slack bits] and right-hand sides [E + I] of all."""
    slacks = [slack_weights(a, b) for a, b in zip(weights, bounds, strict=True)]
    equal = np.asarray(limits.equal_weights, float)
    targets = np.asarray(limits.equal_targets, float)
    padding = scipy.linalg.block_diag(np.zeros((len(equal), 0)), *slacks)
    rows = np.concatenate([np.concatenate([equal, weights]), padding], axis=1)
    return rows, np.concatenate([targets, bounds])


def _all_bits(problem: Problem, limits: Constraints) -> Array:
    n = num_bits(problem, "constraints")
    check_stored(problem.num_levels, "constraints")
    _check_bits(n, limits)
    return bits_of(jnp.arange(2**n), n)


def _check_bits(num_bits: int, limits: Constraints) -> None:
    if limits.num_bits != num_bits:
        raise UserError(
            f"got constraints over {limits.num_bits} bits, expected {num_bits} as "
            "in the problem"
        )


def _check_penalty(penalty: Array | float) -> None:
    check_numbers("penalty", penalty)
    if is_known(penalty) and not float(np.min(penalty)) > 0:
        raise UserError(f"penalty: got {penalty}, expected a number above 0")


def _rows(
    name: str, rows: tuple[tuple[Any, float], ...], num_bits: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights [R, n], sides [R] and tolerances [R]."""
    weights = np.zeros((len(rows), num_bits))
    sides, slips = np.zeros(len(rows)), np.zeros(len(rows))
    for index, (row, side) in enumerate(rows):
        place = f"{name}[{index}]"
        if np.shape(row) != (num_bits,):
            raise UserError(
                f"{place}: got weights of shape {np.shape(row)}, expected {num_bits} "
                "finite numbers"
            )
        check_numbers(place, row)
        check_numbers(f"{place}, right-hand side", side)
        weights[index], sides[index] = _as_meant(row), _as_meant(side)
        size = np.abs(weights[index]).sum() + abs(sides[index])
        slips[index] = _TOLERANCE * size
    return weights, sides, slips


def _as_meant(row: Any) -> np.ndarray:
    """Weights in double precision; those in single as the decimals they stand for."""
    known = np.asarray(row)
    if known.dtype == np.float32:
        known = known.astype(str)
    return known.astype(np.float64)
