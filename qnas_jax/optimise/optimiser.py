"""What all optimisers have in common: how a problem gets in, and a result out.

Inside an optimiser numbers are float32, which tells apart 2^24 steps. So a constant
stays outside. Where all numbers are known, not traced, more is done: costs are written
out in double precision and counted from the lowest one, in a unit that is a power of
two and changes no rounding; walks over whole numbers that pass 2^24 run in double
precision; what comes back is costed anew, and the best of it by these costs is the
answer. Under jit or vmap over problems none of this is possible, and costs
are as good as float32.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.exact import (
    exact_costs,
    exact_table,
    passes_single,
    without_constant,
)
from qnas_jax.optimise.problems.levels import Levels
from qnas_jax.optimise.problems.problem import (
    WRITES_NOTHING_OUT,
    Diagonal,
    Problem,
    num_bits,
    num_qubits_of,
)
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.optimise.problems.written import Written
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.quantum.inputs import is_known
from qnas_jax.quantum.memory import check_written_out
from qnas_jax.quantum.observables import PauliSum
from qnas_jax.value import Value


@dataclasses.dataclass(frozen=True)
class Demands:
    """What an optimiser asks of a problem.

    Attributes:
      name: as in configurations.
      bytes_each: by its options and the problem, what it holds for each of the N
        assignments at the same time, in bytes; None: nothing.
      bits_only: registers of other than two levels are refused.
      compares_only: costs may be infinite.
      rescaled: params of the result for costs in units of `unit`; None: they have no
        unit.
    """

    name: str
    bytes_each: Callable[[Any, Problem], int] | None = None
    bits_only: bool = False
    compares_only: bool = False
    rescaled: Callable[[Any, float], Any] | None = None


def optimiser(demands: Demands) -> Callable[[Callable[..., Result]], Any]:
    """Makes an optimiser of a function of a problem in single precision.

    Args:
      demands: what it asks of the problem; an attribute of the optimiser.

    Returns:
      A decorator of `function(problem, key, *, options, ...) -> Result`, pure, its
      counts of evaluations plain integers where they do not depend on the run. What it
      makes raises a UserError for a problem that is not as the demands say, or that is
      too large for the memory.
    """

    def decorate(function: Callable[..., Result]) -> Any:
        static = set(inspect.signature(function).parameters) & _STATIC
        inside = functools.partial(_with_static_count, function)
        compiled = jax.jit(inside, static_argnames=tuple(static))
        default = inspect.signature(function).parameters["options"].default

        @functools.wraps(function)
        def run(problem: Any, key: jax.Array, **settings: Any) -> Result:
            if isinstance(problem, PauliSum):
                return _counted(function(problem, key, **settings))
            _check(demands, problem, settings.get("options", default))
            if not is_known((problem, key, settings)):
                return _traced(function, problem, key, settings)
            # A class of a user's own need not be a tree of arrays.
            one = compiled if _has_only_arrays(problem) else inside
            return _known(demands, one, problem, key, settings)

        run.demands = demands  # type: ignore[attr-defined]
        return run

    return decorate


_STATIC = {"options", "optimizer", "ansatz"}


class _Count(Value):
    """A count as part of the program, where no integer overflows."""

    number: int = dataclasses.field(metadata={"pytree_node": False})


def _with_static_count(
    function: Callable[..., Result], problem: Any, key: jax.Array, **settings: Any
) -> tuple[Result, _Count | None]:
    found = function(problem, key, **settings)
    if isinstance(found.evaluations, int):
        return found._replace(evaluations=0), _Count(found.evaluations)
    return found, None


def _counted(found: Result) -> Result:
    """The count as an array: int32, or float32 where it is larger than that."""
    count = found.evaluations
    if isinstance(count, int):
        kind = jnp.int32 if count <= LARGEST_COUNT else jnp.float32
        count = jnp.asarray(count, kind)
    return found._replace(evaluations=count)


def _check(demands: Demands, problem: Problem, options: Any) -> None:
    if demands.bits_only:
        num_bits(problem, demands.name)
    if demands.bytes_each is not None:
        check_written_out(
            demands.name,
            num_qubits_of(problem.num_levels),
            demands.bytes_each(options, problem),
            WRITES_NOTHING_OUT,
        )


def _known(
    demands: Demands,
    function: Callable[..., tuple[Result, _Count | None]],
    problem: Any,
    key: jax.Array,
    settings: dict,
) -> Result:
    plain, constant = without_constant(problem)
    wide = _widest() == np.float64
    wide = wide or (demands.bytes_each is None and passes_single(plain))
    with jax.enable_x64(wide):
        inner, origin, unit = _prepared(demands, plain)
        found, count = function(inner, key, **settings)
    if demands.rescaled is not None:
        found = found._replace(params=demands.rescaled(found.params, unit))
    trace = np.asarray(found.trace, np.float64) * unit + (origin + float(constant))
    evaluations = int(found.evaluations) if count is None else count.number
    found = found._replace(trace=trace, evaluations=evaluations)
    return _costed(found, plain, constant)


def _traced(
    function: Callable[..., Result], problem: Any, key: jax.Array, settings: dict
) -> Result:
    plain, constant = without_constant(problem)
    # Arrays of NumPy do not know traced indices.
    plain = jax.tree.map(
        lambda x: jnp.asarray(x) if isinstance(x, np.ndarray) else x, plain
    )
    found = function(plain, key, **settings)
    shift = jnp.asarray(constant, found.cost.dtype)
    return _counted(
        found._replace(
            cost=found.cost + shift,
            sample_costs=found.sample_costs + shift,
            trace=found.trace + shift,
        )
    )


def _prepared(demands: Demands, problem: Any) -> tuple[Any, float, float]:
    """The problem for single precision, and the zero and the unit of its costs."""
    if demands.bytes_each is not None or isinstance(problem, Diagonal):
        costs = exact_table(problem)
        _check_costs(demands, costs)
        finite = costs[np.isfinite(costs)] if np.isinf(costs).any() else costs
        origin = float(finite.min(initial=np.inf)) if finite.size else 0.0
        costs -= origin
        unit = _power_of_two(float(finite.max() - origin) if finite.size else 0.0)
        costs = np.asarray(costs / unit, _widest())
        if isinstance(problem, Quadratic):
            return Written(_divided(problem, unit), costs), origin, unit
        return Diagonal(costs, problem.num_levels), origin, unit
    if isinstance(problem, Quadratic | Levels):
        leaves = jax.tree.leaves(problem)
        unit = _power_of_two(max(float(np.abs(leaf).max()) for leaf in leaves))
        return _divided(problem, unit), 0.0, unit
    return problem, 0.0, 1.0


def _divided(form: Any, unit: float) -> Any:
    return jax.tree.map(
        lambda x: np.asarray(np.asarray(x, np.float64) / unit, _widest()), form
    )


def _widest() -> np.dtype:
    """The widest floats that JAX computes with now."""
    return np.dtype(jax.dtypes.canonicalize_dtype(np.float64))


def _check_costs(demands: Demands, costs: np.ndarray) -> None:
    if np.isnan(costs).any() or np.isneginf(costs).any():
        raise UserError(
            f"{demands.name}: got costs of NaN or minus infinity, expected numbers"
        )
    if not demands.compares_only and np.isinf(costs).any():
        raise UserError(
            f"{demands.name}: got infinite costs, expected finite ones; "
            "use exhaustive or grover, or a large cost instead"
        )


def _power_of_two(size: float) -> float:
    """The largest power of two that is not above `size`; 1 for nothing."""
    return 2.0 ** (math.frexp(size)[1] - 1) if 0 < size < math.inf else 1.0


def _has_only_arrays(problem: Any) -> bool:
    kinds = (jax.Array, np.ndarray, np.generic, int, float)
    return all(isinstance(leaf, kinds) for leaf in jax.tree.leaves(problem))


def _costed(found: Result, plain: Problem, constant: Any) -> Result:
    """The result with costs in double precision, and the best by these."""
    levels = np.concatenate([np.asarray(found.levels)[None], np.asarray(found.samples)])
    costs = exact_costs(plain, levels)
    best = int(np.argmin(costs))
    costs = costs + float(constant)
    return found._replace(
        levels=jnp.asarray(levels[best]), cost=costs[best], sample_costs=costs[1:]
    )
