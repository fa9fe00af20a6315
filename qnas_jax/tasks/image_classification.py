"""Images, each of one class: what the engine was built for first."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from qnas_jax.data import Augmentation, Dataset, augment, normalise, pixel_statistics
from qnas_jax.errors import UserError
from qnas_jax.options import option
from qnas_jax.tasks.classifying import Classifying


@dataclasses.dataclass(frozen=True)
class ImageTraining(Augmentation):
    """What training images and their labels undergo."""

    label_smoothing: float = option(0.1, "mass spread over all classes", low=0, below=1)


class ImageClassification(Classifying, struct.PyTreeNode):
    """Classification of images by accuracy.

    Attributes:
      mean: float32 [C] of the training pixels in [0, 1].
      std: float32 [C] of the same pixels.
      input_shape: (height, width, channels).
      num_outputs: number of classes.
      training: what training images and labels undergo.
    """

    mean: jax.Array
    std: jax.Array
    input_shape: tuple[int, ...] = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    training: ImageTraining = struct.field(
        pytree_node=False, default_factory=ImageTraining
    )

    @classmethod
    def of(cls, dataset: Dataset) -> "ImageClassification":
        """The task of a data set: pixels are normalised by its training split.

        Args:
          dataset: inputs uint8 [N, H, W, C], targets int32 [N].

        Returns:
          The task.

        Raises:
          UserError: all training images are of one and the same colour.
        """
        mean, std = pixel_statistics(dataset.train.inputs)
        if not std.any():
            raise UserError(
                f"{dataset.name}: all training images are of one colour, {mean} in "
                "[0, 1], expected images that differ"
            )
        # A channel that never changes carries nothing, and stays 0.
        std = np.where(std > 0, std, np.float32(1))
        return cls(
            mean=jnp.asarray(mean),
            std=jnp.asarray(std),
            input_shape=dataset.input_shape,
            num_outputs=dataset.num_classes,
        )

    def with_options(self, options: ImageTraining) -> "ImageClassification":
        """The same task with other options of training."""
        return self.replace(training=options)

    def prepare(self, inputs: jax.Array) -> jax.Array:
        """Pixels uint8 [..., C], normalised: float32 [..., C]."""
        return normalise(inputs, self.mean, self.std)

    def augment(self, key: jax.Array, inputs: jax.Array) -> jax.Array:
        """Pixels uint8 [N, H, W, C], augmented and normalised: float32 [N, H, W, C].

        The key is consumed.
        """
        return augment(key, inputs, self.mean, self.std, self.training)
