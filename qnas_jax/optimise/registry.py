"""All optimisers by name: the source of flag choices, conformance tests and tables."""

import dataclasses
from collections.abc import Callable

from jax import Array

from qnas_jax.optimise.annealing import QuantumAnnealingOptions, annealing
from qnas_jax.optimise.exhaustive import EnumerationOptions, exhaustive
from qnas_jax.optimise.grover import GroverOptions, grover
from qnas_jax.optimise.optimiser import Demands
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
    """

    name: str
    paper: str
    summary: str
    options: type[Options]
    run: Callable[..., Result]

    @property
    def writes_out(self) -> bool:
        """Whether it holds all N costs or amplitudes, which limits N."""
        return self._demands.bytes_each is not None

    @property
    def bits_only(self) -> bool:
        """Whether registers of other than two levels are refused."""
        return self._demands.bits_only

    @property
    def compares_only(self) -> bool:
        """Whether costs may be infinite."""
        return self._demands.compares_only

    @property
    def _demands(self) -> Demands:
        found: Demands = self.run.demands  # type: ignore[attr-defined]
        return found

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
        EnumerationOptions,
        exhaustive,
    ),
    OptimiserSpec(
        "grover",
        "Durr & Hoyer 1996; Boyer et al. 1998",
        "adaptive search by amplitude amplification, oracle calls counted",
        GroverOptions,
        grover,
    ),
    OptimiserSpec(
        "qaoa",
        "Farhi, Goldstone & Gutmann 2014",
        "alternating cost phases and mixers, angles optimised",
        QaoaOptions,
        qaoa,
    ),
    OptimiserSpec(
        "vqe",
        "Peruzzo et al. 2014; Kandala et al. 2017",
        "hardware-efficient circuit, parameters optimised",
        VqeOptions,
        vqe,
    ),
    OptimiserSpec(
        "annealing",
        "Kadowaki & Nishimori 1998; Farhi et al. 2000",
        "transverse-field annealing of a state vector in real time",
        QuantumAnnealingOptions,
        annealing,
    ),
    OptimiserSpec(
        "path_integral",
        "Martonak, Santoro & Tosatti 2002",
        "simulated quantum annealing by path-integral Monte Carlo",
        PathIntegralOptions,
        path_integral,
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
    ),
)

OPTIMISERS: dict[str, OptimiserSpec] = {spec.name: spec for spec in _SPECS}
"""Every optimiser by its name."""
