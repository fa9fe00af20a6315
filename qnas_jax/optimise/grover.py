"""Grover search: known and unknown numbers of marked items, and minimisation.

Letters: N items in uniform superposition (any N, not only powers of two), M of them
marked, j iterations. Simulation is exact: the state has two distinct amplitudes at all
times (`qnas_jax/kernels/grover.py`), so that a measurement is one draw of marked or
unmarked and one of an item among these; it costs O(log N), whatever j is.

Counted are the calls of the oracle: j for j iterations, and one more for looking at the
item that was measured.

Sources: Boyer, Brassard, Hoyer & Tapp, "Tight bounds on quantum searching", Fortschr.
Phys. 46 (1998), section 4 (unknown M); Durr & Hoyer, "A quantum algorithm for finding
the minimum", quant-ph/9607014 (1996).
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels.grover import best_iterations, success_probability
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, levels_at
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.options import Options, option
from qnas_jax.quantum.inputs import as_real, is_known


@dataclasses.dataclass(frozen=True)
class GroverOptions(Options):
    """How long Grover adaptive search goes on."""

    measurements: int = option(
        512,
        "measurements at most; fewer if the oracle calls are spent",
        low=1,
        high=LARGEST_COUNT,
    )
    oracle_calls: int = option(
        0,
        "oracle calls at most; 0: 22.5 sqrt(N) + 1.4 log2(N)^2 of the paper",
        low=0,
        high=LARGEST_COUNT,
    )
    growth: float = option(
        1.2, "growth of the range of j after a failure", above=1.0, below=4 / 3
    )


_DEFAULTS = GroverOptions()


class Found(NamedTuple):
    """Outcome of a search for a marked item.

    Attributes:
      item: [] int32, the one that was measured last.
      is_marked: [] bool, whether it is marked.
      oracle_calls: [] int32.
    """

    item: Array
    is_marked: Array
    oracle_calls: Array


class TableMinimum(NamedTuple):
    """Outcome of minimising a table of N costs, T measurements.

    Attributes:
      item: [] int32, the best.
      cost: [] its cost.
      samples: int32 [T], the items that were measured.
      sample_costs: [T] their costs.
      trace: [T] best cost after each measurement.
      calls: int32 [T] oracle calls after each measurement.
    """

    item: Array
    cost: Array
    samples: Array
    sample_costs: Array
    trace: Array
    calls: Array


@optimiser(Demands("grover", lambda *_: 24, compares_only=True))
def grover(
    problem: Problem, key: Array, *, options: GroverOptions = _DEFAULTS
) -> Result:
    """Minimises a cost by Grover adaptive search over all N assignments.

    Args:
      problem: over registers whose assignments can be written out. Those of infinite
        cost are never marked.
      key: consumed.
      options: see `GroverOptions`.

    Returns:
      The best assignment; `samples` are those measured, in order.

    Raises:
      UserError: too many assignments to be written out.
    """
    found = minimise_table(problem.table(), key, options=options)
    return Result(
        levels=levels_at(found.item, problem.num_levels),
        cost=found.cost,
        samples=levels_at(found.samples, problem.num_levels),
        sample_costs=found.sample_costs,
        trace=found.trace,
        evaluations=found.calls[-1],
    )


def minimise_table(
    costs: Array, key: Array, *, options: GroverOptions = _DEFAULTS
) -> TableMinimum:
    """Grover adaptive search for the lowest of N costs.

    Starts at a random item; then searches, by the rule for an unknown number of marked
    items, for one that is cheaper, and goes on from there, until the calls are spent.

    Args:
      costs: [N]; N need not be a power of two. Ties do not count as cheaper.
      key: consumed.
      options: see `GroverOptions`.

    Returns:
      What was found; once the oracle calls are spent the best item is repeated.

    Raises:
      UserError: `costs` is not one axis.
    """
    costs = as_real("costs", costs)
    num_items = _check_axis("costs", costs)
    most_calls = options.oracle_calls or durr_hoyer_calls(num_items)
    order = jnp.argsort(costs)
    ranked = costs[order]

    def measure(search: _Search, key: Array) -> tuple[_Search, tuple[Array, ...]]:
        # Items by rank: those that are cheaper than the best come first.
        cheaper = jnp.searchsorted(ranked, ranked[search.item]).astype(jnp.int32)
        active = search.calls < most_calls
        after = _one_measurement(
            search, key, cheaper, num_items, options.growth, most_calls
        )
        after = jax.tree.map(lambda a, b: jnp.where(active, a, b), after, search)
        hit = after.measured < cheaper
        after = after._replace(item=jnp.where(hit, after.measured, search.item))
        return after, (after.measured, after.item, after.calls)

    start_key, steps_key = jax.random.split(key)
    first = jax.random.randint(start_key, (), 0, num_items, jnp.int32)
    start = _Search(first, first, jnp.asarray(1.0), jnp.asarray(1, jnp.int32))
    keys = jax.random.split(steps_key, options.measurements)
    last, (measured, best, calls) = jax.lax.scan(measure, start, keys)
    return TableMinimum(
        item=order[last.item].astype(jnp.int32),
        cost=ranked[last.item],
        samples=order[measured].astype(jnp.int32),
        sample_costs=ranked[measured],
        trace=ranked[best],
        calls=calls,
    )


def search_known(
    marked: Array, key: Array, *, num_marked: Array | int, attempts: int = 8
) -> Found:
    """Finds a marked item when M is known: the best j, measure, look, try again.

    Args:
      marked: bool [N].
      key: consumed.
      num_marked: [] M >= 1.
      attempts: give up after so many.

    Returns:
      The item; not marked only if all attempts failed.

    Raises:
      UserError: `marked` is not [N], or a number is out of its range.
    """
    marked = jnp.asarray(marked).astype(bool)
    num_items = _check_axis("marked", marked)
    if is_known(num_marked) and not 1 <= int(num_marked) <= num_items:
        raise UserError(
            f"num_marked: got {num_marked} of {num_items} items, expected 1 at least; "
            "search_unknown takes any"
        )
    if attempts < 1:
        raise UserError(f"attempts: got {attempts}, expected at least 1")
    order, true_marked = _marked_first(marked)
    iterations = best_iterations(num_marked, num_items)

    def attempt(found: Found, key: Array) -> tuple[Found, None]:
        rank = _draw(key, true_marked, num_items, iterations)
        after = Found(rank, rank < true_marked, found.oracle_calls + iterations + 1)
        keep = found.is_marked
        return jax.tree.map(lambda a, b: jnp.where(keep, b, a), after, found), None

    start = Found(jnp.int32(0), jnp.asarray(False), jnp.int32(0))
    last, _ = jax.lax.scan(attempt, start, jax.random.split(key, attempts))
    return last._replace(item=order[last.item])


def search_unknown(
    marked: Array, key: Array, *, growth: float = 1.2, oracle_calls: int = 0
) -> Found:
    """Finds a marked item when M is not known, in expected O(sqrt(N / M)) calls.

    j is drawn below a range that grows by `growth` after each failure, up to sqrt(N).

    Args:
      marked: bool [N].
      key: consumed.
      growth: in (1, 4/3).
      oracle_calls: give up after so many; 0: 22.5 sqrt(N), five times the bound on the
        expected number for M = 1.

    Returns:
      The item; not marked if the calls were spent, as always for M = 0.

    Raises:
      UserError: `marked` is not [N], or a number is out of its range.
    """
    marked = jnp.asarray(marked).astype(bool)
    num_items = _check_axis("marked", marked)
    if not 1 < growth < 4 / 3:
        raise UserError(f"growth: got {growth}, expected a number in (1, 4/3)")
    if oracle_calls < 0:
        raise UserError(f"oracle_calls: got {oracle_calls}, expected 0 or more")
    most_calls = oracle_calls or math.ceil(22.5 * math.sqrt(num_items))
    order, num_marked = _marked_first(marked)

    def wanted(carry: tuple[_Search, Array]) -> Array:
        search, _ = carry
        return (search.measured >= num_marked) & (search.calls < most_calls)

    def measure(carry: tuple[_Search, Array]) -> tuple[_Search, Array]:
        search, key = carry
        key, step_key = jax.random.split(key)
        search = _one_measurement(
            search, step_key, num_marked, num_items, growth, most_calls
        )
        return search, key

    nothing = jnp.asarray(num_items, jnp.int32)
    start = _Search(nothing, nothing, jnp.asarray(1.0), jnp.asarray(0, jnp.int32))
    last, _ = jax.lax.while_loop(wanted, measure, (start, key))
    return Found(order[last.measured], last.measured < num_marked, last.calls)


def durr_hoyer_calls(num_items: int) -> int:
    """Oracle calls after which the minimum is found with probability over 1/2."""
    log2 = math.log2(num_items) if num_items > 1 else 0.0
    return math.ceil(22.5 * math.sqrt(num_items) + 1.4 * log2**2)


class _Search(NamedTuple):
    item: Array  # [] int32 rank of the best item so far
    measured: Array  # [] int32 rank measured last; marked items have the lowest
    reach: Array  # [] float, iterations are drawn below it
    calls: Array  # [] int32


def _one_measurement(
    search: _Search,
    key: Array,
    num_marked: Array,
    num_items: int,
    growth: float,
    most_calls: int,
) -> _Search:
    range_key, draw_key = jax.random.split(key)
    below = jnp.ceil(search.reach).astype(jnp.int32)
    iterations = jax.random.randint(range_key, (), 0, below, jnp.int32)
    # The last measurement of a search may find its calls nearly spent.
    iterations = jnp.minimum(iterations, most_calls - search.calls - 1)
    rank = _draw(draw_key, num_marked, num_items, iterations)
    wider = jnp.minimum(growth * search.reach, math.sqrt(num_items))
    return _Search(
        item=search.item,
        measured=rank,
        reach=jnp.where(rank < num_marked, 1.0, wider),
        calls=search.calls + iterations + 1,
    )


def _draw(key: Array, num_marked: Array, num_items: int, iterations: Array) -> Array:
    """Rank of a measured item [] int32; the marked ones are 0 .. M - 1."""
    hit_key, item_key = jax.random.split(key)
    chance = success_probability(num_marked, num_items, iterations)
    none, all_ = num_marked == 0, num_marked == num_items
    hit = (jax.random.uniform(hit_key) < chance) & ~none | all_
    low = jnp.where(hit, 0, num_marked)
    return jax.random.randint(
        item_key, (), low, jnp.where(hit, num_marked, num_items), jnp.int32
    )


def _marked_first(marked: Array) -> tuple[Array, Array]:
    order = jnp.argsort(~marked).astype(jnp.int32)
    return order, marked.sum().astype(jnp.int32)


def _check_axis(name: str, values: Array) -> int:
    if values.ndim != 1 or values.shape[0] == 0:
        raise UserError(f"{name}: got shape {values.shape}, expected [N], N >= 1")
    return int(values.shape[0])
