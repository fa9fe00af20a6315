"""The epoch loop that supernet training and retraining share.

Everything a run needs to go on lies in its state and in the key: the order of the
examples derives from (key, epoch), the randomness of a step from (key, step). A run
that was stopped after any step and goes on from its saved state therefore equals one
that was never stopped.
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
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import Task, score_metric


class Totals(struct.PyTreeNode):
    """Sums over the steps of the present epoch, kept on the device.

    Attributes:
      loss: float32, sum over examples.
      score: sums of the metric that searches improve.
      examples: float32, how many were seen.
    """

    loss: jax.Array
    score: Any
    examples: jax.Array

    @classmethod
    def zero(cls, task: Task) -> "Totals":
        """No example seen."""
        # Of arrays of their own, as they are donated.
        loss, examples = (jnp.zeros((), jnp.float32) for _ in range(2))
        return cls(loss, score_metric(task).zero(), examples)

    def add(
        self, task: Task, loss: jax.Array, outputs: jax.Array, targets: jax.Array
    ) -> "Totals":
        """Adds a batch: its mean loss, outputs [N, ...] and targets [N, ...]."""
        count = len(targets)
        found = score_metric(task).sums(outputs, targets, jnp.ones(count, bool))
        return Totals(
            self.loss + loss * count,
            jax.tree.map(jnp.add, self.score, found),
            self.examples + count,
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
      metrics: by name; of the task's metrics the one that searches improve.
      seconds: time of this epoch, as far as it ran in this process.
    """

    epoch: int
    step: int
    loss: float
    metrics: dict[str, float]
    seconds: float


class NonFiniteLossError(UserError, FloatingPointError):
    """Training diverged.

    Attributes:
      what: what was seen, in words.
    """

    def __init__(self, what: str, remedy: str):
        super().__init__(f"{what}; {remedy}")
        self.what = what


def run_epochs(
    state: Any,
    step_fn: Callable[[Any, jax.Array], Any],
    *,
    key: jax.Array,
    task: Task,
    num_examples: int,
    steps_per_epoch: int,
    epochs: int,
    on_epoch: Callable[[Any, EpochReport], Any],
    progress: Callable[[Iterable[int], int, str], Iterable[int]],
    description: str,
    should_stop: Callable[[], bool],
) -> Any:
    """Trains from the state's step to the last epoch.

    Args:
      state: where to start; its arrays are donated to `step_fn`.
      step_fn: (state, order int32 [num_examples]) -> state; adds 1 to `state.step`.
      key: names the order of the examples; only folded.
      task: what is trained for.
      num_examples: size of the training split.
      steps_per_epoch: steps of one epoch.
      epochs: epochs in all.
      on_epoch: (state, report) -> state after each epoch (validation, checkpoints).
      progress: (steps, their number, description) -> steps, for display.
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
    order = epoch_order(key, step // steps_per_epoch, num_examples)
    for _ in progress(range(left), left, description):
        state = step_fn(state, order)
        step += 1
        if step % steps_per_epoch == 0:
            # Before a stop is asked for: a resumed run starts with the next epoch.
            epoch = step // steps_per_epoch
            loss, metrics = _means(task, state.totals)
            if not math.isfinite(loss):
                raise NonFiniteLossError(
                    f"{description}: the mean loss of epoch {epoch} is {loss}",
                    "try a smaller learning_rate, a warm-up, or clip_norm",
                )
            seconds = time.perf_counter() - started
            report = EpochReport(epoch, step, loss, metrics, seconds)
            state = on_epoch(state.replace(totals=Totals.zero(task)), report)
            started = time.perf_counter()
            order = epoch_order(key, epoch, num_examples)
        if should_stop():
            raise Stopped(state)
    return state


def _means(task: Task, totals: Totals) -> tuple[float, dict[str, float]]:
    """Mean loss and metrics over the examples that were seen."""
    score = score_metric(task).finish(totals.score, totals.examples)
    loss, examples = jax.device_get((totals.loss, totals.examples))
    return float(loss / examples), {task.score: float(score)}
