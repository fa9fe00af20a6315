"""The epoch loop that supernet training and retraining share.

Everything a run needs to go on lies in its state and in the key: the order of the
images derives from (key, epoch), the randomness of a step from (key, step). A run that
was stopped after any step and goes on from its saved state therefore equals one that
was never stopped.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.errors import UserError


class Totals(struct.PyTreeNode):
    """Sums over the steps of the present epoch, kept on the device.

    Attributes:
      loss: float32, sum over images.
      correct: float32, images classified correctly.
      images: float32, images seen.
    """

    loss: jax.Array
    correct: jax.Array
    images: jax.Array

    @classmethod
    def zero(cls) -> "Totals":
        """No images seen."""
        return cls(*(jnp.zeros((), jnp.float32) for _ in range(3)))

    def add(self, loss: jax.Array, logits: jax.Array, labels: jax.Array) -> "Totals":
        """Adds a batch: its mean loss, logits [N, classes] and labels [N]."""
        count = len(labels)
        correct = (logits.argmax(axis=-1) == labels).sum()
        return Totals(
            self.loss + loss * count, self.correct + correct, self.images + count
        )


class TrainingState(Protocol):
    """What the loop reads of a state."""

    step: jax.Array
    totals: Totals

    def replace(self, **changes: Any) -> Any:
        """Returns a changed copy."""


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """Means over one epoch.

    Attributes:
      epoch: number of epochs finished.
      step: number of steps finished.
      loss: mean training loss.
      accuracy: share of training images classified correctly.
      seconds: time of this epoch, as far as it ran in this process.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float
    seconds: float


Progress = Callable[[Iterable[int], int, str], Iterable[int]]


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The user asked to stop; carries the state to save."""

    def __init__(self, state: Any):
        super().__init__("stopped on request")
        self.state = state


class NonFiniteLossError(UserError, FloatingPointError):
    """Training diverged."""


def run_epochs(
    state: Any,
    step_fn: Callable[[Any, jax.Array], Any],
    *,
    key: jax.Array,
    num_images: int,
    steps_per_epoch: int,
    epochs: int,
    on_epoch: Callable[[Any, EpochReport], Any],
    progress: Progress,
    description: str,
    should_stop: Callable[[], bool],
) -> Any:
    """Trains from the state's step to the last epoch.

    Args:
      state: where to start; its arrays are donated to `step_fn`.
      step_fn: (state, order int32 [num_images]) -> state; adds 1 to `state.step`.
      key: names the order of the images; only folded.
      num_images: size of the training split.
      steps_per_epoch: steps of one epoch.
      epochs: epochs in all.
      on_epoch: (state, report) -> state after each epoch (validation, checkpoints).
      progress: wraps the steps for display.
      description: what is being trained.
      should_stop: asked after every step, at the end of an epoch after `on_epoch`.

    Returns:
      The final state.

    Raises:
      Stopped: `should_stop` answered yes; the exception carries the state.
      NonFiniteLossError: the loss of an epoch is not finite.
    """
    step = int(state.step)
    left = epochs * steps_per_epoch - step
    started = time.perf_counter()
    order = epoch_order(key, step // steps_per_epoch, num_images)
    for _ in progress(range(left), left, description):
        state = step_fn(state, order)
        step += 1
        if step % steps_per_epoch == 0:
            # Before a stop is asked for: a resumed run starts with the next epoch.
            report = _report(state.totals, step, steps_per_epoch, started, description)
            state = on_epoch(state.replace(totals=Totals.zero()), report)
            started = time.perf_counter()
            order = epoch_order(key, report.epoch, num_images)
        if should_stop():
            raise Stopped(state)
    return state


def _report(
    totals: Totals, step: int, steps_per_epoch: int, started: float, description: str
) -> EpochReport:
    totals = jax.device_get(totals)
    epoch = step // steps_per_epoch
    loss = float(totals.loss / totals.images)
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"{description}: the mean loss of epoch {epoch} is {loss}; try a smaller "
            "learning_rate, a warm-up, or clip_norm"
        )
    return EpochReport(
        epoch=epoch,
        step=step,
        loss=loss,
        accuracy=float(totals.correct / totals.images),
        seconds=time.perf_counter() - started,
    )
