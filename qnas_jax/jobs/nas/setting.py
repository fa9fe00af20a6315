"""What the stages of an architecture search share: data, space, network, scorer."""

import dataclasses
import pathlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax import data
from qnas_jax.devices import is_first
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation import (
    EVALUATORS,
    AtOnce,
    Networks,
    ScoringOptions,
    SupernetEvaluator,
    Weights,
    supernet_evaluator,
)
from qnas_jax.evaluation.fused import FusedOptions, TermEvaluator, make_terms
from qnas_jax.jobs.nas.config import NasConfig
from qnas_jax.jobs.nas.reduced import ReducedNetworks
from qnas_jax.jobs.setting import Setting
from qnas_jax.latency import LATENCY, read_latency_table
from qnas_jax.nets import Supernet, build_supernet, non_finite_ops, resolve_form
from qnas_jax.options import option_group
from qnas_jax.runs import Checkpoints, CopiedCheckpoints, TensorBoard
from qnas_jax.searching import STRATEGIES, StrategySpec
from qnas_jax.searching.pareto import FRONT_STRATEGIES
from qnas_jax.spaces import (
    AdditiveBudget,
    BuildableSpace,
    ConstraintOptions,
    CostTable,
    NetworkSpace,
    SearchSpace,
    SpaceOptions,
    build_space,
)
from qnas_jax.tasks import Task, make_task
from qnas_jax.training import TrainingOptions
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

_TRIED = 32  # training inputs that pass through ops in search of the unsound
_LISTED = 3  # of those


@dataclasses.dataclass
class NasSetting(Setting):
    """One run; what is costly is built when it is first asked for."""

    config: NasConfig

    def __post_init__(self) -> None:
        """Has metrics written for TensorBoard too, if that is asked for."""
        if self.config.logging.tensorboard and is_first():
            events = TensorBoard(self.folder.path / "tensorboard")
            self.folder.writers.append(events.write)

    @cached_property
    def dataset(self) -> data.Dataset:
        """The data set, split."""
        with option_group("data", data.DataOptions):
            return data.load(self.config.data)

    @cached_property
    def task(self) -> Task:
        """What networks are trained for and judged by."""
        return make_task(self.config.task, self.dataset)

    @property
    def train_task(self) -> Task:
        """The same, with what examples undergo where candidates are trained."""
        return self.task.with_options(self.config.train_task)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space for this data set; read only where networks are trained."""
        if EVALUATORS[self.config.evaluator.name].trains:
            shape, outputs = self.task.input_shape, self.task.num_outputs
        else:
            shape, outputs = self.peek()
        with option_group("space", SpaceOptions):
            return build_space(
                self.config.space,
                shape,
                outputs,
                self.words,
                language=self.kind == data.LANGUAGE,
            )

    @property
    def words(self) -> int:
        """How many words there are in text; 0 for other data, which are not read."""
        if self.kind not in (data.TEXT, data.LANGUAGE):
            return 0
        return len(self.dataset.words)

    @property
    def kind(self) -> str:
        """What the examples are, see `data.Dataset.kind`; nothing is read for it."""
        return data.SOURCES[self.config.data.source].kind

    def peek(self) -> tuple[tuple[int, ...], int]:
        """Shape of an input as networks see it, and their outputs.

        Images need not be read for it. What is seen of series depends on all of them.
        """
        if self.kind != data.IMAGES:
            return self.task.input_shape, self.task.num_outputs
        with option_group("data", data.DataOptions):
            return data.peek(self.config.data)

    @cached_property
    def reduced(self) -> Networks:
        """What the supernet is made of: all this, or something smaller."""
        options, side = self.config.supernet, self.config.data.side
        same_size = side in (0, self.task.input_shape[0])
        if same_size and options.width == 1 and not options.cells:
            return self
        return ReducedNetworks(self.config, self.dataset, self.space)

    @property
    def has_networks(self) -> bool:
        """Whether an architecture is a network, or only its evaluator knows what."""
        return isinstance(self.space, BuildableSpace)

    @cached_property
    def supernet(self) -> Supernet:
        """The network that holds all ops."""
        return build_supernet(self.space, resolve_form(self.config.supernet.form))

    @cached_property
    def costs(self) -> CostTable:
        """Costs of every op; ops are traced, so those that do not run are found."""
        costs = self.supernet.cost_table()
        return costs if self.latency is None else costs.joined(self.latency)

    @cached_property
    def latency(self) -> CostTable | None:
        """Milliseconds of every op on the device that a limit is about, if one is.

        Raises:
          MissingFileError: the file is not there.
          UserError: it is no latency table of this space.
        """
        if not self.needs_latency:
            return None
        if not (self.config.constraints.device or self.latency_file.is_file()):
            raise MissingFileError(
                f"constraints.max_latency_ms: {self.latency_file} is not there; "
                "measure this machine by --stage=latency in the same work folder, or "
                "name a table by constraints.device"
            )
        return read_latency_table(self.latency_file, self.space)

    @property
    def strategy_spec(self) -> StrategySpec:
        """What is known of the strategy that searches."""
        search = self.config.search
        if search.objectives:
            return FRONT_STRATEGIES[search.front_strategy]
        return STRATEGIES[search.strategy]

    @property
    def needs_latency(self) -> bool:
        """Whether a limit or an objective is about milliseconds."""
        wanted = LATENCY in self.config.search.objectives
        return wanted or bool(self.config.constraints.max_latency_ms)

    @property
    def latency_file(self) -> pathlib.Path:
        """The table of a device; what `--stage=latency` left if none is named."""
        own = self.folder.path / "latency.json"
        return pathlib.Path(self.config.constraints.device or own).expanduser()

    @cached_property
    def reduced_costs(self) -> CostTable:
        """The same for the networks that the supernet has."""
        reduced = self.reduced
        return self.costs if reduced is self else reduced.supernet.cost_table()

    @cached_property
    def budget(self) -> AdditiveBudget | None:
        """What an architecture may cost; None where nothing is limited.

        Raises:
          UserError: nothing in the space keeps the limits, or it has no networks.
        """
        limits = self.config.constraints.limits()
        if not limits:
            return None
        with option_group("constraints", ConstraintOptions):
            if not self.has_networks:
                name, limit = next(iter(limits.items()))
                raise UserError(
                    f"max_{name}: got {limit}, expected 0: architectures of space "
                    f"{self.space.name!r} are no networks that could be counted"
                )
            return AdditiveBudget(self.costs, limits)

    def check_training(self, group: str) -> None:
        """Checks what a training needs: networks that run, and a batch of the data.

        Args:
          group: of its options.

        Raises:
          UserError: an op does not run, or the data do not fill a batch.
        """
        options: TrainingOptions = getattr(self.config, group)
        count = len(self.dataset.train)
        if options.batch_size > count:
            raise UserError(
                f"{group}.batch_size: got {options.batch_size}, expected 1..{count}, "
                "the number of training examples"
            )
        _ = self.costs

    def costs_of(self, archs: np.ndarray) -> dict[str, np.ndarray]:
        """Costs of archs int32 [P, L] by name; none where they are no networks."""
        return self.costs.cost(archs) if self.has_networks else {}

    def non_finite_ops(self) -> str:
        """Which ops give values that are not finite by themselves, in words.

        Returns:
          For example `op 'log' of layer 3 gives values that are not finite`; "" if all
          ops are sound. Each op is compiled, which may take minutes.
        """
        if not isinstance(self.space, NetworkSpace):
            return ""
        self.say("looking for ops that give values that are not finite")
        inputs = self.task.prepare(jnp.asarray(self.dataset.train.inputs[:_TRIED]))
        found = non_finite_ops(self.space, inputs, self.key("finiteness"))
        if not found:
            return ""
        listed = ", ".join(found[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
        verb = "gives" if len(found) == 1 else "give"
        return f"{listed} {verb} values that are not finite"

    def describe(self, arch: np.ndarray) -> list[dict[str, Any]]:
        """The parts of the network of int [L]; none where no arch is a network."""
        return self.supernet.describe_arch(arch) if self.has_networks else []

    @cached_property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        """Validation inputs [N, ...] and targets [N, ...] on the device."""
        return data.on_device(self.dataset.valid)

    def checkpoints(self, *names: str, stage: str) -> Checkpoints:
        """Those of a training; to be closed.

        Args:
          *names: of folders in the work folder, down to that of the training.
          stage: that of the training.
        """
        folder = self.folder.path.joinpath(*names, "checkpoints")
        remedy = f"do it again by --stage={stage}"
        kind = Checkpoints if is_first() else CopiedCheckpoints
        return kind(folder, self.config.checkpoints, remedy=remedy)

    @cached_property
    def kept_outcomes(self) -> KeptOutcomes:
        """Evaluations that take long, which the history does not have yet."""
        return KeptOutcomes(self.folder.path / "search" / "outcomes.jsonl")

    @cached_property
    def weights(self) -> Weights:
        """Those at the end of the supernet's training; no momenta are read.

        Raises:
          RunError: they are gone or damaged, or the training is not finished.
        """
        checkpoints = self.checkpoints("supernet", stage="supernet")
        try:
            shapes = jax.eval_shape(self.reduced.supernet.init, jax.random.key(0))
            fields = dict(zip(("params", "stats"), shapes, strict=True))
            found = checkpoints.restore_fields(fields)
            return found["params"], found["stats"]
        finally:
            checkpoints.close()

    def supernet_evaluator(
        self, options: ScoringOptions
    ) -> Callable[[Weights], SupernetEvaluator]:
        """The evaluator of the supernet's weights; one program for equal options."""
        if options not in self._evaluators:
            self._evaluators[options] = self._new_evaluator(options)
        return self._evaluators[options]

    @cached_property
    def _evaluators(
        self,
    ) -> dict[ScoringOptions, Callable[[Weights], SupernetEvaluator]]:
        return {}

    def _new_evaluator(
        self, options: ScoringOptions
    ) -> Callable[[Weights], SupernetEvaluator]:
        reduced = self.reduced
        return supernet_evaluator(
            reduced.supernet,
            reduced.task,
            options,
            train=reduced.dataset.train,
            valid=reduced.valid,
            at_once=self.at_once,
            devices=self.devices,
        )

    @cached_property
    def terms(self) -> TermEvaluator:
        """All that a fused score is made of; one compiled program for all stages."""
        subnets = self.supernet_evaluator(self.config.scoring)(self.weights)
        return make_terms(self.config.fused.part(FusedOptions), self, subnets)

    @cached_property
    def at_once(self) -> AtOnce:
        """What was too much for the memory of the device, for the rest of the run."""
        return AtOnce(self.say)
