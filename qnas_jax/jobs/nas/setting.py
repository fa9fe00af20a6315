"""What the stages of an architecture search share: data, space, network, scorer."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import numpy as np

from qnas_jax import data
from qnas_jax.evaluation import (
    ScoringOptions,
    SupernetEvaluator,
    Weights,
    supernet_evaluator,
)
from qnas_jax.jobs.nas.config import NasConfig
from qnas_jax.jobs.setting import Setting
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.runs import Checkpoints
from qnas_jax.spaces import BuildableSpace, CostTable, SearchSpace, build_space
from qnas_jax.tasks import Task, make_task


@dataclasses.dataclass
class NasSetting(Setting):
    """One run; what is costly is built when it is first asked for."""

    config: NasConfig

    @cached_property
    def dataset(self) -> data.Dataset:
        """The data set, split."""
        return data.load(self.config.data)

    @cached_property
    def task(self) -> Task:
        """What networks are trained for and judged by."""
        return make_task(self.config.task, self.dataset)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space for this data set."""
        return build_space(
            self.config.space, self.task.input_shape, self.task.num_outputs
        )

    @property
    def has_networks(self) -> bool:
        """Whether an architecture is a network, or only its evaluator knows what."""
        return isinstance(self.space, BuildableSpace)

    @cached_property
    def supernet(self) -> Supernet:
        """The network that holds all ops."""
        return build_supernet(self.space)

    @cached_property
    def costs(self) -> CostTable:
        """Costs of every op."""
        return self.supernet.cost_table()

    def costs_of(self, archs: np.ndarray) -> dict[str, np.ndarray]:
        """Costs of archs int32 [P, L] by name; none where they are no networks."""
        return self.costs.cost(archs) if self.has_networks else {}

    def describe(self, arch: np.ndarray) -> list[dict[str, Any]]:
        """The parts of a network; none where the architecture is no network."""
        return self.supernet.describe_arch(arch) if self.has_networks else []

    @cached_property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        """Validation inputs and targets on the device."""
        return data.on_device(self.dataset.valid)

    def checkpoints(self, *names: str, stage: str) -> Checkpoints:
        """Those of a training; to be closed.

        Args:
          *names: of folders in the work folder, down to that of the training.
          stage: that of the training.
        """
        folder = self.folder.path.joinpath(*names, "checkpoints")
        return Checkpoints(folder, remedy=f"do it again by --stage={stage}")

    @cached_property
    def weights(self) -> Weights:
        """Those at the end of the supernet's training; no momenta are read.

        Raises:
          RunError: they are gone or damaged, or the training is not finished.
        """
        checkpoints = self.checkpoints("supernet", stage="supernet")
        try:
            shapes = jax.eval_shape(self.supernet.init, jax.random.key(0))
            fields = dict(zip(("params", "stats"), shapes, strict=True))
            found = checkpoints.restore_fields(fields)
            return found["params"], found["stats"]
        finally:
            checkpoints.close()

    def supernet_evaluator(
        self, options: ScoringOptions
    ) -> Callable[[Weights], SupernetEvaluator]:
        """Builds the evaluator of the supernet's weights."""
        return supernet_evaluator(
            self.supernet,
            self.task,
            options,
            train=self.dataset.train,
            valid=self.valid,
        )
