"""Series, each of one class: signals of sensors, recordings, counts over time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from qnas_jax.data import (
    Dataset,
    SeriesAugmentation,
    augment_series,
    channel_statistics,
)
from qnas_jax.errors import UserError
from qnas_jax.options import option
from qnas_jax.tasks.classifying import Classifying


@dataclasses.dataclass(frozen=True)
class SeriesTraining(SeriesAugmentation):
    """What training series and their labels undergo."""

    label_smoothing: float = option(0.1, "mass spread over all classes", low=0, below=1)


class SeriesClassification(Classifying, struct.PyTreeNode):
    """Classification of series by accuracy.

    Networks see each channel less its mean, by its deviation. A missing value is 0,
    which is the mean; where any split has some, a last channel tells steps with a value
    (1) from those without (0).

    Attributes:
      mean: float32 [C] of the values of the training split.
      std: float32 [C], their deviation.
      input_shape: (steps, channels), the mask among them.
      num_outputs: number of classes.
      masked: whether networks see which steps have a value.
      training: what training series and labels undergo.
    """

    mean: jax.Array
    std: jax.Array
    input_shape: tuple[int, ...] = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    masked: bool = struct.field(pytree_node=False)
    training: SeriesTraining = struct.field(
        pytree_node=False, default_factory=SeriesTraining
    )

    @classmethod
    def of(cls, dataset: Dataset) -> "SeriesClassification":
        """The task of a data set: channels are normalised by its training split.

        Args:
          dataset: inputs float32 [N, T, C], targets int32 [N].

        Returns:
          The task.

        Raises:
          UserError: no channel of the training series changes.
        """
        mean, std = channel_statistics(dataset.train.inputs)
        if not std.any():
            raise UserError(
                f"{dataset.name}: all values of the training series are {mean[0]}, "
                "expected series that differ"
            )
        splits = (dataset.train, dataset.valid, dataset.test)
        masked = any(bool(np.isnan(split.inputs).any()) for split in splits)
        length, channels = dataset.input_shape
        # A channel that never changes carries nothing, and stays 0.
        return cls(
            mean=jnp.asarray(mean),
            std=jnp.asarray(np.where(std > 0, std, np.float32(1))),
            input_shape=(length, channels + masked),
            num_outputs=dataset.num_classes,
            masked=masked,
        )

    def with_options(self, options: SeriesTraining) -> "SeriesClassification":
        """The same task with other options of training."""
        return self.replace(training=options)

    def prepare(self, inputs: jax.Array) -> jax.Array:
        """Series float32 [N, T, C], normalised: float32 [N, T, C or C + 1]."""
        return self._without_gaps(self._normalised(inputs))

    def augment(self, key: jax.Array, inputs: jax.Array) -> jax.Array:
        """As `prepare`, float32 [N, T, C or C + 1], augmented; the key is consumed."""
        series = augment_series(key, self._normalised(inputs), self.training)
        return self._without_gaps(series)

    def _normalised(self, inputs: jax.Array) -> jax.Array:
        """Zero mean and unit deviation; NaN stays NaN."""
        return (inputs - self.mean[None, None]) / self.std[None, None]

    def _without_gaps(self, series: jax.Array) -> jax.Array:
        """Zeros for what is missing, and where that is."""
        there = ~jnp.isnan(series)
        series = jnp.where(there, series, 0.0)
        if not self.masked:
            return series
        mask = there.any(axis=-1, keepdims=True).astype(series.dtype)
        return jnp.concatenate([series, mask], axis=-1)
