"""From a cost Hamiltonian to one architecture: the optimisers of the hybrid loop.

Each minimiser is `(key, cost, taken) -> arch`: it looks for the arch of lowest cost
that is not among the taken ones. Those that hold a table of all archs (`exhaustive`,
`grover`, `qaoa`) need a space of at most 2^`LARGEST_TABLE` archs; the walks
(`annealing`, `tabu`) need no table and no state vector.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.grover import GroverOptions, minimise_table
from qnas_jax.optimise.problems.problem import Levels
from qnas_jax.optimise.variational.levels_qaoa import QaoaLevelsOptions, qaoa_levels
from qnas_jax.optimise.walks.levels_walks import (
    AnnealLevelsOptions,
    Choices,
    TabuLevelsOptions,
    anneal_levels,
    tabu_levels,
)
from qnas_jax.options import Options, option
from qnas_jax.search.history import among

Minimiser = Callable[[Array, Levels, Array], Array]
"""`(key, cost, taken int [M, L]) -> arch int32 [L]`; rows of -1 are nothing."""

LARGEST_TABLE = 20
"""log2 of the number of archs up to which all of them are written out."""

WITH_TABLE = ("exhaustive", "grover", "qaoa")
"""The minimisers that need a table of all archs."""

OPTIMISERS = (*WITH_TABLE, "annealing", "tabu")
"""Names of all minimisers."""


@dataclasses.dataclass(frozen=True)
class MinimiserOptions(Options):
    """What minimises a cost Hamiltonian, and how long it may take."""

    optimiser: str = option(
        "exhaustive", "what minimises the cost Hamiltonian", choices=OPTIMISERS
    )
    depth: int = option(8, "layers of qaoa", low=1)
    shots: int = option(
        256, "measurements of qaoa's state, and at most of a grover search", low=1
    )
    sweeps: int = option(
        60, "sweeps of an annealing; a tabu walk makes four times as many moves", low=1
    )
    walks: int = option(16, "walks of an annealing or tabu search at once", low=1)


def exhaustive_minimiser(key: Array, cost: Levels, taken: Array) -> Array:
    """The best free arch of all; arch 0 if none is free."""
    del key
    table = _free_table(cost, taken)
    return _arch_at(jnp.argmin(table), cost.num_levels)


def grover_minimiser(
    key: Array, cost: Levels, taken: Array, *, options: GroverOptions
) -> Array:
    """Grover adaptive search; taken archs are never marked by the oracle."""
    found = minimise_table(_free_table(cost, taken), key, options=options)
    return _arch_at(found.item, cost.num_levels)


def sampling_minimiser(
    key: Array, cost: Levels, taken: Array, *, sample: Callable[..., Choices]
) -> Array:
    """The best free sample of `sample(cost, key)`; the best of all if none is free."""
    choices = sample(cost, key)
    free = ~among(choices.samples, taken)
    ranked = jnp.where(free | ~jnp.any(free), choices.costs, jnp.inf)
    return choices.samples[jnp.argmin(ranked)]


def _make_exhaustive(options: MinimiserOptions) -> Minimiser:
    del options
    return exhaustive_minimiser


def _make_grover(options: MinimiserOptions) -> Minimiser:
    limits = GroverOptions(measurements=options.shots)
    return functools.partial(grover_minimiser, options=limits)


def _make_qaoa(options: MinimiserOptions) -> Minimiser:
    circuit = QaoaLevelsOptions(depth=options.depth, shots=options.shots)
    sample = functools.partial(qaoa_levels, options=circuit)
    return functools.partial(sampling_minimiser, sample=sample)


def _make_annealing(options: MinimiserOptions) -> Minimiser:
    schedule = AnnealLevelsOptions(replicas=options.walks, sweeps=options.sweeps)
    sample = functools.partial(anneal_levels, options=schedule)
    return functools.partial(sampling_minimiser, sample=sample)


def _make_tabu(options: MinimiserOptions) -> Minimiser:
    walk = TabuLevelsOptions(starts=options.walks, moves=4 * options.sweeps)
    sample = functools.partial(tabu_levels, options=walk)
    return functools.partial(sampling_minimiser, sample=sample)


_MAKERS: dict[str, Callable[[MinimiserOptions], Minimiser]] = {
    "exhaustive": _make_exhaustive,
    "grover": _make_grover,
    "qaoa": _make_qaoa,
    "annealing": _make_annealing,
    "tabu": _make_tabu,
}


def make_minimiser(num_ops: tuple[int, ...], options: MinimiserOptions) -> Minimiser:
    """Builds the minimiser that the options name.

    Args:
      num_ops: (K_1, ..., K_L).
      options: see `MinimiserOptions`.

    Returns:
      The minimiser.

    Raises:
      UserError: the space is too large for the table that this one needs.
    """
    log_size = float(np.log2(np.asarray(num_ops, float)).sum())
    if options.optimiser in WITH_TABLE and log_size > LARGEST_TABLE:
        raise UserError(
            f"optimiser: got {options.optimiser!r} for a space of 2^{log_size:.3g} "
            f"archs, expected at most 2^{LARGEST_TABLE} where all are written out; use "
            "'annealing' or 'tabu'"
        )
    return _MAKERS[options.optimiser](options)


def _free_table(cost: Levels, taken: Array) -> Array:
    """Costs of all archs [N], inf for those taken."""
    table = cost.table()
    strides = np.cumprod((1, *cost.num_levels[:0:-1]))[::-1].astype(np.int32)
    places = taken @ jnp.asarray(strides)
    places = jnp.where(taken[:, 0] < 0, len(table), places)
    return table.at[places].set(jnp.inf, mode="drop")


def _arch_at(index: Array, num_ops: tuple[int, ...]) -> Array:
    return jnp.stack(jnp.unravel_index(index, num_ops)).astype(jnp.int32)
