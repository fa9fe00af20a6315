"""From a cost Hamiltonian to one architecture: the optimisers of the hybrid loop.

A minimiser looks for the arch of lowest cost that is not among those taken: one of
`OPTIMISERS`, with the options that suit a posterior sample. Those that write out all
archs need a space of at most 2^`LARGEST_TABLE` of them; walks need no table and no
state vector.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise import OPTIMISERS, Problem
from qnas_jax.optimise.grover import GroverOptions
from qnas_jax.optimise.variational.qaoa import QaoaOptions
from qnas_jax.optimise.walks.simulated_annealing import AnnealOptions
from qnas_jax.optimise.walks.tabu import TabuOptions
from qnas_jax.options import Options, option

Minimiser = Callable[[Array, Problem, Array], Array]
"""`(key, cost, taken int [M, L]) -> arch int32 [L]`; rows of -1 are nothing."""

LARGEST_TABLE = 20
"""log2 of the number of archs up to which all of them are written out."""

FOR_REGISTERS = tuple(n for n, spec in OPTIMISERS.items() if not spec.bits_only)
"""Names of the optimisers that minimise over registers of any number of levels."""


@dataclasses.dataclass(frozen=True)
class MinimiserOptions(Options):
    """What minimises a cost Hamiltonian, and how long it may take."""

    optimiser: str = option(
        "exhaustive", "what minimises the cost Hamiltonian", choices=FOR_REGISTERS
    )
    depth: int = option(8, "layers of qaoa", low=1)
    shots: int = option(
        256, "measurements of qaoa's state, and at most of a grover search", low=1
    )
    sweeps: int = option(
        60, "sweeps of an annealing; a tabu walk makes four times as many moves", low=1
    )
    walks: int = option(16, "walks of an annealing or tabu search at once", low=1)


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
    spec = OPTIMISERS[options.optimiser]
    log_size = float(np.log2(np.asarray(num_ops, float)).sum())
    if spec.writes_out and log_size > LARGEST_TABLE:
        raise UserError(
            f"optimiser: got {spec.name!r} for a space of 2^{log_size:.3g} archs, "
            f"expected at most 2^{LARGEST_TABLE} where all are written out; use "
            "'simulated_annealing' or 'tabu'"
        )
    own = _own_options(options)

    def minimise(key: Array, cost: Problem, taken: Array) -> Array:
        return spec(cost, key, own, excluded=taken).levels

    return minimise


def _own_options(options: MinimiserOptions) -> Options | None:
    """Those of the optimiser; None for its defaults."""
    if options.optimiser == "grover":
        return GroverOptions(measurements=options.shots)
    if options.optimiser == "qaoa":
        # One ramp for all posterior samples; its angles were chosen on the prior's.
        return QaoaOptions(
            layers=options.depth, steps=0, time_step=3.0, turn=2.0, shots=options.shots
        )
    if options.optimiser == "simulated_annealing":
        return AnnealOptions(replicas=options.walks, sweeps=options.sweeps, hottest=1.0)
    if options.optimiser == "tabu":
        return TabuOptions(
            walks=options.walks, restarts=1, steps=4 * options.sweeps, tenure=4
        )
    return None
