"""What tasks of classification have in common, whatever their examples are."""

from collections.abc import Mapping
from typing import Any

import jax

from qnas_jax.tasks.classification import (
    classification_details,
    classification_metrics,
    cross_entropy_to,
    given_answers,
    smoothed_cross_entropy,
)
from qnas_jax.tasks.task import Metric


class Classifying:
    """Metrics, score and loss; a part of `Task`.

    Attributes:
      num_outputs: number of classes.
      training: options with a `label_smoothing`.
    """

    num_outputs: int
    training: Any

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What networks are judged by, by name."""
        return classification_metrics(self.num_outputs)

    @property
    def details(self) -> Mapping[str, Metric]:
        """What a test keeps beside the metrics, for intervals."""
        return classification_details(self.num_outputs)

    @property
    def score(self) -> str:
        """Name of the metric that searches improve."""
        return "accuracy"

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the architectures that a found one is compared with."""
        return ("largest",)

    def answer(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """The class named of outputs [N, K], targets [N]: int32 [N]; -1 for none."""
        return given_answers(outputs, targets)

    def loss(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Mean cross-entropy [] of outputs [N, K] and targets [N], labels smoothed."""
        smoothing = self.training.label_smoothing
        return smoothed_cross_entropy(outputs, targets, smoothing)

    def distilled_loss(
        self, outputs: jax.Array, targets: jax.Array, teacher: jax.Array
    ) -> jax.Array:
        """Mean cross-entropy [] of outputs [N, K] to the probabilities of a teacher."""
        del targets
        return cross_entropy_to(teacher, outputs).mean()
