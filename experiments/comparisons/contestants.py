"""The strategies that are compared, with the settings they are compared at.

Settings were chosen on the three data sets of NAS-Bench-201 with seeds from 10,000 on.
Other seeds are held out, the landscapes are not: what holds on tables that no setting
was chosen on is seen on NAS-Bench-Macro. `tuning` repeats the choice for the default.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments.comparisons.search_setting import SearchSetting, search_setting
from qnas_jax.searching import STRATEGIES
from qnas_jax.searching.spec import CLASSICAL, GATES


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One strategy at one setting.

    Attributes:
      options: the arguments of `search_setting`.
      evaluations: the largest budget it is run to, in full evaluations.
      seeds: the most searches it is given; 0: all.
      slow: whether a quick comparison leaves it out.
      queries: archs asked for, for each full evaluation of the budget; more than 1
        where most of them are cheap.
      repeats_free: whether an arch that the same search evaluated before costs
        nothing, as where scores are kept.
      peer: name of the sampler, for those of another library.
    """

    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluations: int = 1000
    seeds: int = 0
    slow: bool = False
    queries: int = 1
    repeats_free: bool = False
    peer: str = ""

    def setting(self) -> SearchSetting:
        """Strategy, population and options."""
        return search_setting(**self.options)

    @property
    def acts_by(self) -> str:
        """What the proposals come from, as they are set here; peers are classical."""
        if self.peer:
            return CLASSICAL
        if self.options.get("optimiser") in ("grover", "qaoa"):
            return GATES
        return STRATEGIES[self.options["strategy"]].acts_by

    def up_to(self, most: int) -> "Contestant":
        """The same with a largest budget of so many evaluations; 0: as it is."""
        shorter = min(self.evaluations, most or self.evaluations)
        return dataclasses.replace(self, evaluations=shorter)

    def generations(self, evaluations: int) -> int:
        """Generations that spend a budget of so many full evaluations."""
        return self.setting().generations(self.queries * evaluations)


def _of(strategy: str, **options: Any) -> Contestant:
    return Contestant({"strategy": strategy, **options})


def _slow(evaluations: int, seeds: int = 200, **settings: Any) -> Contestant:
    """One whose seconds an evaluation grow with their number."""
    return Contestant(evaluations=evaluations, seeds=seeds, slow=True, **settings)


def _by_circuits(optimiser: str) -> Contestant:
    """The hybrid loop whose minimum a circuit finds."""
    options = {"strategy": "hamiltonian", "population": 10, "optimiser": optimiser}
    return _slow(200, seeds=50, options=options)


_EVOLUTION = _of("regularized_evolution", parents=10, tournament=5)


CONTESTANTS: dict[str, Contestant] = {
    "random": _of("random", population=10),
    "exhaustive": _of("exhaustive", population=10),
    "qbit": _of("qbit", population=5),
    "qudit": _of("qudit", population=5),
    "entangled": _of("entangled", population=5),
    "qiga1": _of("qiga1", population=5),
    "qiga2": _of("qiga2", population=5),
    "memory registers": _of("memory_registers"),
    "hamiltonian": _slow(400, options={"strategy": "hamiltonian", "population": 10}),
    # Amplitude amplification, and alternating circuits, on the same posterior sample.
    "hamiltonian (Grover)": _by_circuits("grover"),
    "hamiltonian (QAOA)": _by_circuits("qaoa"),
    "predictor": _slow(400, options={"strategy": "predictor", "population": 10}),
    "regularised evolution": _EVOLUTION,
    # Twice the generations: of 100 children 14 are known, of 200 37.
    "regularised evolution (repeats free)": dataclasses.replace(
        _EVOLUTION, evaluations=400, queries=2, repeats_free=True
    ),
    "local search (best)": _of("local_search", improvement="best"),
    "local search (first)": _of("local_search", improvement="first"),
    # Its temperatures fall over the budget that it is given.
    "simulated annealing": dataclasses.replace(
        _of("simulated_annealing"), evaluations=200
    ),
    "genetic algorithm": _of("genetic_algorithm", population=10, mutated_layers=2.0),
    "reinforce": _of("reinforce"),
    "cross-entropy": _of("cross_entropy", population=20),
    "pbil": _of("pbil", population=5),
    "successive halving": dataclasses.replace(
        _of("successive_halving", population=9), queries=4
    ),
    "hyperband": dataclasses.replace(_of("hyperband", population=9), queries=4),
    "TPE (Optuna)": _slow(200, peer="tpe"),
    "NSGA-II (Optuna)": _slow(400, peer="nsga2"),
}
"""By the name that tables and figures show."""

ACTS_BY = {name: contestant.acts_by for name, contestant in CONTESTANTS.items()}
"""For the tables."""

LEFT_OUT = {
    "bqnas_released": "needs layers of 2, 4, 8, ... ops; NAS-Bench-201 has 5",
    "one_plus_lambda": "its kind is there: regularised evolution and local search",
}
"""Strategies that are not compared, and why."""

REFERENCE = "memory registers"
"""The engine's default."""

PEERS = (
    "regularised evolution",
    "regularised evolution (repeats free)",
    "local search (best)",
    "local search (first)",
)
"""What the reference is compared with in words."""

SHOWN = (
    "memory registers",
    "hamiltonian",
    "local search (first)",
    "regularised evolution",
    "predictor",
    "qbit",
    "random",
)
"""The strategies that figures draw in colour."""
