"""The configuration of an architecture search."""

import dataclasses
from typing import Any

from qnas_jax.data import SOURCES, DataOptions
from qnas_jax.evaluation import (
    EVALUATORS,
    EvaluatorOptions,
    RankOptions,
    ScoringOptions,
)
from qnas_jax.evaluation.fused import FusedOptions
from qnas_jax.evaluation.trained import CandidateOptions
from qnas_jax.jobs.config import Config
from qnas_jax.jobs.nas.export_options import ExportOptions
from qnas_jax.jobs.spec import Family
from qnas_jax.latency import LatencyOptions
from qnas_jax.options import OptionError, Options, option, option_group
from qnas_jax.runs import CheckpointOptions, LoggingOptions
from qnas_jax.searching import STRATEGIES, SearchOptions
from qnas_jax.searching.pareto import FRONT_STRATEGIES
from qnas_jax.spaces import ConstraintOptions, SpaceOptions
from qnas_jax.tasks import TASKS, TaskOptions
from qnas_jax.training import RetrainOptions, SupernetOptions

SCORES = (
    *("accuracy", "loss", "balanced_accuracy", "macro_f1", "perplexity"),
    "fused",
)
"""What a search may improve: the score of the task (`accuracy`), another of its
metrics, in the direction of the metric, or what is made of several."""


@dataclasses.dataclass(frozen=True)
class NasSearchOptions(SearchOptions):
    """Which strategy searches, for how long, and by which score of the subnets."""

    score: str = option(
        "accuracy",
        "by what networks are compared: the task's own score, or another metric of "
        "subnets and of candidates trained from scratch: their loss (few validation "
        "examples tell it apart where accuracies tie), balanced accuracy or macro F1 "
        "(classes of unequal numbers), perplexity (of running text), or, of subnets, "
        "their loss and training-free terms (group fused); other evaluators have a "
        "score of their own",
        choices=SCORES,
    )
    objectives: tuple[str, ...] = option(
        (),
        "several things to improve at once: what `score` says, then costs to be kept "
        "small, as params, macs, bytes_8, latency_ms; none: the score alone",
        of=str,
    )
    front_strategy: str = option(
        "pareto_memory",
        "which strategy searches for several objectives",
        choices=FRONT_STRATEGIES,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.objectives
        fits = names[:1] == (self.score,) and len(set(names)) == len(names)
        if names and not (fits and 2 <= len(names) <= 3):
            allowed = f"none, or {self.score} (search.score) and one or two costs"
            raise OptionError("objectives", names, allowed)


@dataclasses.dataclass(frozen=True)
class NasConfig(Config):
    """All options of a run.

    Attributes:
      data: source, splits.
      task: what is learnt from the data.
      space: search space.
      supernet: supernet training.
      supernet_task: what examples undergo there.
      evaluator: what scores architectures in a search.
      evaluator_options: the options of that evaluator.
      train_task: what examples undergo where candidates are trained from scratch.
      scoring: how subnets are scored with the supernet's weights.
      search: which strategy, for how long, and by which score.
      constraints: what the network that is searched for may cost.
      fused: the terms of a fused score.
      train: how the networks are trained that calibrate a fused score.
      strategy: the options of that strategy.
      front_strategy: those of the strategy for several objectives.
      retrain: training of the winner and of the comparison networks.
      retrain_task: what examples undergo there.
      rank: what is ranked where the truth is known, and beside what.
      export: which network becomes a model, and how it is measured.
      latency: how the ops of the space are measured on this machine.
      checkpoints: when the state of a training or a search is saved.

    Raises:
      OptionError: the strategy wants evaluations at several fidelities, which the
        evaluator does not have.
    """

    data: DataOptions = dataclasses.field(default_factory=DataOptions)
    task: TaskOptions = dataclasses.field(default_factory=TaskOptions)
    space: SpaceOptions = dataclasses.field(default_factory=SpaceOptions)
    supernet: SupernetOptions = dataclasses.field(default_factory=SupernetOptions)
    supernet_task: Options = dataclasses.field(default_factory=Options)
    evaluator: EvaluatorOptions = dataclasses.field(default_factory=EvaluatorOptions)
    evaluator_options: Options = dataclasses.field(default_factory=Options)
    train_task: Options = dataclasses.field(default_factory=Options)
    scoring: ScoringOptions = dataclasses.field(default_factory=ScoringOptions)
    search: NasSearchOptions = dataclasses.field(default_factory=NasSearchOptions)
    constraints: ConstraintOptions = dataclasses.field(
        default_factory=ConstraintOptions
    )
    fused: Options = dataclasses.field(default_factory=Options)
    train: Options = dataclasses.field(default_factory=Options)
    strategy: Options = dataclasses.field(default_factory=Options)
    front_strategy: Options = dataclasses.field(default_factory=Options)
    retrain: RetrainOptions = dataclasses.field(default_factory=RetrainOptions)
    retrain_task: Options = dataclasses.field(default_factory=Options)
    rank: RankOptions = dataclasses.field(default_factory=RankOptions)
    export: ExportOptions = dataclasses.field(default_factory=ExportOptions)
    latency: LatencyOptions = dataclasses.field(default_factory=LatencyOptions)
    checkpoints: CheckpointOptions = dataclasses.field(
        default_factory=CheckpointOptions
    )
    logging: LoggingOptions = dataclasses.field(default_factory=LoggingOptions)

    def __post_init__(self) -> None:
        """Checks the strategy here, before a supernet is trained."""
        name = self.evaluator.name
        needed = STRATEGIES[self.search.strategy].needs_fidelities
        if needed and not EVALUATORS[name].fidelities:
            rows = STRATEGIES.items()
            names = [name for name, spec in rows if not spec.needs_fidelities]
            allowed = f"one of {', '.join(names)} (a {name} scores at one fidelity)"
            raise OptionError("search.strategy", self.search.strategy, allowed)


GROUPS: dict[str, type[Options]] = {
    "data": DataOptions,
    "task": TaskOptions,
    "space": SpaceOptions,
    "supernet": SupernetOptions,
    "evaluator": EvaluatorOptions,
    "scoring": ScoringOptions,
    "search": NasSearchOptions,
    "constraints": ConstraintOptions,
    "retrain": RetrainOptions,
    "rank": RankOptions,
    "export": ExportOptions,
    "latency": LatencyOptions,
    "checkpoints": CheckpointOptions,
    "logging": LoggingOptions,
}
"""What every run reads."""


def completed(groups: dict[str, Any]) -> dict[str, Any]:
    """The groups of options with the task that the data are for, and a space of theirs.

    Raises:
      OptionError: the task is for other data.
    """
    source = groups["data"].source
    with option_group("task", TaskOptions):
        task = groups["task"].for_source(source)
    space = groups["space"].for_kind(SOURCES[source].kind)
    return {**groups, "task": task, "space": space}


TASK_FAMILIES: dict[str, Family] = {
    f"{stage}_task": Family(
        "task.name",
        {
            name: (f"{stage}_{spec.group}", spec.training)
            for name, spec in TASKS.items()
        },
    )
    for stage in ("supernet", "train", "retrain")
}
"""What the task lets a training change: `supernet_images`, `train_images` (candidates
trained from scratch), `retrain_images`; of series `supernet_series` and so on."""

EVALUATOR_FAMILY = Family(
    "evaluator.name",
    {
        name: (spec.group, spec.options)
        for name, spec in EVALUATORS.items()
        if spec.group
    },
)
"""The group of each evaluator; a function's options are those of `evaluator`."""

FUSED_FAMILIES: dict[str, Family] = {
    "fused": Family("search.score", {"fused": ("fused", FusedOptions)}),
    "train": Family("search.score", {"fused": ("train", CandidateOptions)}),
}
"""Read only where the score is fused: its terms, and how it is calibrated."""

FRONT_FAMILY = Family(
    "search.front_strategy",
    {name: (f"front_{name}", spec.options) for name, spec in FRONT_STRATEGIES.items()},
)
"""The group of each strategy for several objectives."""
