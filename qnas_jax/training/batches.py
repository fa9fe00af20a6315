"""The training split on the device, as augmented batches of a step."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from qnas_jax.data import Augmentation, Split, augment, num_steps, on_device, take_batch
from qnas_jax.training.options import TrainingOptions


class TrainingBatches(struct.PyTreeNode):
    """Where the batches of a training come from; an argument of its jitted step.

    Attributes:
      images: uint8 [N, H, W, C].
      labels: int32 [N].
      mean: float32 [C] of the pixels in [0, 1].
      std: float32 [C].
      batch_size: images of a step.
      augmentation: what images undergo.
    """

    images: jax.Array
    labels: jax.Array
    mean: jax.Array
    std: jax.Array
    batch_size: int = struct.field(pytree_node=False)
    augmentation: Augmentation = struct.field(pytree_node=False)

    @classmethod
    def of(
        cls, train: Split, mean: Any, std: Any, options: TrainingOptions
    ) -> "TrainingBatches":
        """Copies a split to the device.

        Args:
          train: the training split.
          mean: float32 [C] of the pixels in [0, 1].
          std: float32 [C].
          options: batch size and augmentation.

        Returns:
          Its batches.

        Raises:
          UserError: the split does not fill one batch.
        """
        num_steps(len(train), options.batch_size)
        return cls(
            *on_device(train),
            mean=jnp.asarray(mean),
            std=jnp.asarray(std),
            batch_size=options.batch_size,
            augmentation=Augmentation(
                options.crop_padding, options.flip, options.cutout
            ),
        )

    @property
    def steps_per_epoch(self) -> int:
        """Full batches of an epoch."""
        return len(self.labels) // self.batch_size

    def take(
        self, key: jax.Array, order: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The batch of a step.

        Args:
          key: for the augmentation; consumed.
          order: int32 [N], order of the images in this epoch.
          step: int32, steps finished in all epochs.

        Returns:
          float32 [B, H, W, C], augmented and normalised, and int32 [B].
        """
        place = step % self.steps_per_epoch
        pixels, labels = take_batch(
            self.images, self.labels, order, place, self.batch_size
        )
        images = augment(key, pixels, self.mean, self.std, self.augmentation)
        return images, labels
