"""All optimisers by name: the source of flag choices, conformance tests and tables."""

import dataclasses
from collections.abc import Callable
from typing import Any

from jax import Array

from qnas_jax.optimise.annealing import AnnealingOptions, annealing
from qnas_jax.optimise.exhaustive import ExhaustiveOptions, exhaustive
from qnas_jax.optimise.grover import GroverOptions, grover
from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.variational.qaoa import QaoaOptions, qaoa
from qnas_jax.optimise.variational.vqe import VqeOptions, vqe
from qnas_jax.optimise.walks.path_integral import PathIntegralOptions, path_integral
from qnas_jax.optimise.walks.simulated_annealing import (
    AnnealOptions,
    simulated_annealing,
)
from qnas_jax.optimise.walks.tabu import TabuOptions, tabu
from qnas_jax.options import Options, option
from qnas_jax.quantum.ansatz import hardware_efficient


@dataclasses.dataclass(frozen=True)
class OptimiserSpec:
    """One row of the table of optimisers.

    Attributes:
      name: as in configurations.
      paper: where it comes from.
      summary: one line.
      options: its record of options.
      run: `run(problem, key, *, options) -> Result`, pure; the options are static.
      writes_out: it holds all 2^n costs or amplitudes, which limits n.
    """

    name: str
    paper: str
    summary: str
    options: type[Options]
    run: Callable[..., Result]
    writes_out: bool

    def __call__(
        self, problem: Any, key: Any, options: Options | None = None
    ) -> Result:
        """Runs it; without options, with their defaults."""
        return self.run(problem, key, options=options or self.options())


@dataclasses.dataclass(frozen=True)
class CircuitOptions(VqeOptions):
    """Those of VQE, and how deep its circuit is.

    Several starts and a conditional value at risk, as the expected cost of a basis
    state is a local minimum (Barkoutsos et al., Quantum 4 (2020)).
    """

    starts: int = option(4, "random first parameters, all optimised at once", low=1)
    alpha: float = option(
        0.25, "share of the best costs that counts (CVaR); 1: mean", above=0.0, high=1.0
    )
    depth: int = option(2, "layers of RY, RZ and a ladder of CX", low=1)


def hardware_efficient_vqe(
    problem: Problem, key: Array, *, options: CircuitOptions
) -> Result:
    """VQE with the hardware-efficient circuit; see `vqe`."""
    circuit = hardware_efficient(problem.num_qubits, options.depth)
    return vqe(problem, key, ansatz=circuit, options=options)


_SPECS = (
    OptimiserSpec(
        "exhaustive",
        "-",
        "the lowest of all 2^n costs",
        ExhaustiveOptions,
        exhaustive,
        True,
    ),
    OptimiserSpec(
        "grover",
        "Durr & Hoyer 1996; Boyer et al. 1998",
        "adaptive search by amplitude amplification, oracle calls counted",
        GroverOptions,
        grover,
        True,
    ),
    OptimiserSpec(
        "qaoa",
        "Farhi, Goldstone & Gutmann 2014",
        "alternating cost phases and mixers, angles optimised",
        QaoaOptions,
        qaoa,
        True,
    ),
    OptimiserSpec(
        "vqe",
        "Peruzzo et al. 2014; Kandala et al. 2017",
        "hardware-efficient circuit, parameters optimised",
        CircuitOptions,
        hardware_efficient_vqe,
        True,
    ),
    OptimiserSpec(
        "annealing",
        "Kadowaki & Nishimori 1998; Farhi et al. 2000",
        "transverse-field annealing of a state vector in real time",
        AnnealingOptions,
        annealing,
        True,
    ),
    OptimiserSpec(
        "path_integral",
        "Martonak, Santoro & Tosatti 2002",
        "simulated quantum annealing by path-integral Monte Carlo",
        PathIntegralOptions,
        path_integral,
        False,
    ),
    OptimiserSpec(
        "simulated_annealing",
        "Kirkpatrick, Gelatt & Vecchi 1983",
        "Metropolis flips at a falling temperature, many replicas",
        AnnealOptions,
        simulated_annealing,
        False,
    ),
    OptimiserSpec(
        "tabu",
        "Glover 1989; Palubeckis 2006",
        "best flip that is not tabu, restarts from a perturbed best",
        TabuOptions,
        tabu,
        False,
    ),
)

OPTIMISERS: dict[str, OptimiserSpec] = {spec.name: spec for spec in _SPECS}
"""Every optimiser by its name."""
