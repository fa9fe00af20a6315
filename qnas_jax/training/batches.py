"""A training split on the device, as augmented batches of a step."""

import jax
from flax import struct

from qnas_jax.data import Split, num_steps, on_device, take_batch
from qnas_jax.tasks import Task


class TrainingBatches(struct.PyTreeNode):
    """Where the batches of a training come from; an argument of its jitted step.

    Attributes:
      inputs: [N, ...], as the data have them.
      targets: [N, ...].
      task: how inputs are prepared, and what the loss is.
      batch_size: examples of a step.
    """

    inputs: jax.Array
    targets: jax.Array
    task: Task
    batch_size: int = struct.field(pytree_node=False)

    @classmethod
    def of(cls, train: Split, task: Task, batch_size: int) -> "TrainingBatches":
        """Copies a split to the device.

        Args:
          train: what is trained on.
          task: the task, with its options of this training.
          batch_size: examples of a step.

        Returns:
          Its batches.

        Raises:
          UserError: the split does not fill one batch.
        """
        num_steps(len(train), batch_size)
        return cls(*on_device(train), task=task, batch_size=batch_size)

    @property
    def num_examples(self) -> int:
        """Size of the split."""
        return len(self.targets)

    @property
    def steps_per_epoch(self) -> int:
        """Full batches of an epoch."""
        return self.num_examples // self.batch_size

    def take(
        self, key: jax.Array, order: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The batch of a step.

        Args:
          key: for the augmentation; consumed.
          order: int32 [N], order of the examples in this epoch.
          step: int32 [], steps finished in all epochs.

        Returns:
          Inputs as networks see them, float [B, ...], augmented; and targets [B, ...].
        """
        place = step % self.steps_per_epoch
        inputs, targets = take_batch(
            self.inputs, self.targets, order, place, self.batch_size
        )
        return self.task.augment(key, inputs), targets
