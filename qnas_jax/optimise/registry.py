"""All optimisers by name: the source of flag choices, conformance tests and tables."""

import dataclasses
from collections.abc import Callable

from jax import Array

from qnas_jax.optimise.annealing import AnnealingOptions, annealing
from qnas_jax.optimise.exhaustive import ExhaustiveOptions, exhaustive
from qnas_jax.optimise.grover import GroverOptions, grover
from qnas_jax.optimise.problems.excluded import keep_free, without
from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.random_sampling import RandomSamplingOptions, random_sampling
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.variational.qaoa import QaoaOptions, qaoa
from qnas_jax.optimise.variational.vqe import VqeOptions, vqe
from qnas_jax.optimise.walks.path_integral import PathIntegralOptions, path_integral
from qnas_jax.optimise.walks.simulated_annealing import (
    AnnealOptions,
    simulated_annealing,
)
from qnas_jax.optimise.walks.tabu import TabuOptions, tabu
from qnas_jax.options import Options


@dataclasses.dataclass(frozen=True)
class OptimiserSpec:
    """One row of the table of optimisers.

    Attributes:
      name: as in configurations.
      paper: where it comes from.
      summary: one line.
      options: its record of options.
      run: `run(problem, key, *, options) -> Result`, pure; the options are static.
      writes_out: it holds all N costs or amplitudes, which limits N.
      bits_only: registers of other than two levels are refused.
      compares_only: costs may be infinite.
    """

    name: str
    paper: str
    summary: str
    options: type[Options]
    run: Callable[..., Result]
    writes_out: bool = False
    bits_only: bool = False
    compares_only: bool = False

    def __call__(
        self,
        problem: Problem,
        key: Array,
        options: Options | None = None,
        *,
        excluded: Array | None = None,
    ) -> Result:
        """Runs it.

        Args:
          problem: to be minimised.
          key: consumed.
          options: its record of options; None for the defaults.
          excluded: integers [M, L], assignments that may not be the answer; rows of -1
            are nothing.

        Returns:
          The result. With everything excluded, or all that was sampled, it is one of
          the excluded ones.
        """
        options = options or self.options()
        if excluded is None:
            return self.run(problem, key, options=options)
        if self.compares_only:
            return self.run(without(problem, excluded), key, options=options)
        return keep_free(self.run(problem, key, options=options), excluded)


_SPECS = (
    OptimiserSpec(
        "exhaustive",
        "-",
        "the lowest of all costs",
        ExhaustiveOptions,
        exhaustive,
        writes_out=True,
        compares_only=True,
    ),
    OptimiserSpec(
        "grover",
        "Durr & Hoyer 1996; Boyer et al. 1998",
        "adaptive search by amplitude amplification, oracle calls counted",
        GroverOptions,
        grover,
        writes_out=True,
        compares_only=True,
    ),
    OptimiserSpec(
        "qaoa",
        "Farhi, Goldstone & Gutmann 2014",
        "alternating cost phases and mixers, angles optimised",
        QaoaOptions,
        qaoa,
        writes_out=True,
    ),
    OptimiserSpec(
        "vqe",
        "Peruzzo et al. 2014; Kandala et al. 2017",
        "hardware-efficient circuit, parameters optimised",
        VqeOptions,
        vqe,
        writes_out=True,
        bits_only=True,
    ),
    OptimiserSpec(
        "annealing",
        "Kadowaki & Nishimori 1998; Farhi et al. 2000",
        "transverse-field annealing of a state vector in real time",
        AnnealingOptions,
        annealing,
        writes_out=True,
        bits_only=True,
    ),
    OptimiserSpec(
        "path_integral",
        "Martonak, Santoro & Tosatti 2002",
        "simulated quantum annealing by path-integral Monte Carlo",
        PathIntegralOptions,
        path_integral,
        bits_only=True,
    ),
    OptimiserSpec(
        "simulated_annealing",
        "Kirkpatrick, Gelatt & Vecchi 1983",
        "thermal moves at a falling temperature, many replicas",
        AnnealOptions,
        simulated_annealing,
    ),
    OptimiserSpec(
        "tabu",
        "Glover 1989; Palubeckis 2006",
        "best move that is not tabu, restarts from a perturbed best",
        TabuOptions,
        tabu,
    ),
    OptimiserSpec(
        "random_sampling",
        "-",
        "the lowest of so many random assignments, the baseline",
        RandomSamplingOptions,
        random_sampling,
        compares_only=True,
    ),
)

OPTIMISERS: dict[str, OptimiserSpec] = {spec.name: spec for spec in _SPECS}
"""Every optimiser by its name."""
