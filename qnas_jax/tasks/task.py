"""What networks are for: a batch, its loss, and the metrics that judge them.

A task knows its data and nothing of networks or searches. Trainer, scorer and
retraining take a task and a network and know nothing else; so what images, labels and
accuracy are to one run, series and an error may be to another.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import jax
import numpy as np

from qnas_jax.options import Options

Value = TypeVar("Value", float, jax.Array, np.ndarray)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number that judges a network, from sums over examples.

    The sums of the parts of a split add up to those of the whole, so a split is
    measured in chunks on the device, for many networks at once.

    Attributes:
      larger_is_better: the direction.
      zero: () -> sums over no example, a tree of arrays.
      sums: (outputs [N, ...], targets [N, ...], counted bool [N]) -> sums over the
        counted examples, in the form of `zero`.
      finish: (sums, N) -> the metric over N examples, float32 scalar (an array for
        what is no metric but a detail, see `Task.details`); not finite where it cannot
        be computed.
    """

    larger_is_better: bool
    zero: Callable[[], Any]
    sums: Callable[[jax.Array, jax.Array, jax.Array], Any]
    finish: Callable[[Any, Any], jax.Array]

    def as_score(self, value: Value) -> Value:
        """The metric, or its negative: what is maximised. Its own inverse."""
        return value if self.larger_is_better else -value


class Task(Protocol):
    """What a run trains for. A pytree, so that it can be an argument of programs."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, as the data have it; networks are built for it."""

    @property
    def num_outputs(self) -> int:
        """Outputs of a network for one example (of classes: their logits)."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What networks are judged by, by name."""

    @property
    def details(self) -> Mapping[str, Metric]:
        """What a test keeps beside the metrics, for intervals; arrays among it."""

    @property
    def score(self) -> str:
        """Name of the metric that searches improve."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the architectures that a found one is compared with."""

    def with_options(self, options: Any) -> "Task":
        """The same task with other options of training; see `TaskSpec.training`."""

    def prepare(self, inputs: jax.Array) -> jax.Array:
        """Inputs [N, ...] of the data as networks see them, float [N, ...]."""

    def augment(self, key: jax.Array, inputs: jax.Array) -> jax.Array:
        """As `prepare`, inputs [N, ...] changed at random; the key is consumed."""

    def loss(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """What training minimises, [], the mean over outputs and targets [N, ...]."""

    def distilled_loss(
        self, outputs: jax.Array, targets: jax.Array, teacher: jax.Array
    ) -> jax.Array:
        """What a network minimises that learns from another one's outputs, [].

        A mean as `loss` is, over the same places; only `supernet.distillation` asks for
        it, which is refused for tasks that lack it.
        """


def score_metric(task: Task) -> Metric:
    """The metric that searches improve."""
    return task.metrics[task.score]


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A row of the registry of tasks.

    Attributes:
      summary: one line: what is learnt from what.
      make: builds the task for a data set.
      training: record of what training on it may be told (augmentation, smoothing).
      group: short name of that record, as configurations have it.
      kind: of the data that it is for, see `data.Dataset.kind`.
    """

    summary: str
    make: Callable[[Any], Task]
    training: type[Options]
    group: str
    kind: str
