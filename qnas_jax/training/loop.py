"""The epoch loop that supernet training and retraining share.

Everything a run needs to go on lies in its state and in the key: the order of the
examples derives from (key, epoch), the randomness of a step from (key, step). A run
that was stopped after any step and goes on from its saved state therefore equals one
that was never stopped.

Steps are taken several in one call of a compiled loop, so that an accelerator need not
wait for the host. How many is data: there is one program, and results do not depend on
it. Within an epoch nothing passes between host and device.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.kernels import jit_network
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import Task, score_metric
from qnas_jax.training.counts import count_on_device
from qnas_jax.training.guard import Guard, Trouble, is_sound


class Totals(struct.PyTreeNode):
    """Sums over the steps of the present epoch, kept on the device.

    Attributes:
      loss: float32 [], sum over examples.
      score: sums of the metric that searches improve, as `Metric.zero`.
      examples: float32 [], how many were seen.
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
        """Adds a batch: its mean loss [], outputs [N, ...] and targets [N, ...]."""
        count = len(targets)
        found = score_metric(task).sums(outputs, targets, jnp.ones(count, bool))
        return Totals(
            self.loss + loss * count,
            jax.tree.map(jnp.add, self.score, found),
            self.examples + count,
        )


StepFn = Callable[..., Any]
"""(state, order int32 [N], count=1) -> the state after `count` steps of one epoch."""

_STEPS_PER_CALL = {"cpu": 1}
_ELSEWHERE = 32  # Calls of some tenths of a second: a stop is not kept waiting.


def in_one_call(
    step: Callable[..., Any],
    *rest: Any,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> StepFn:
    """Compiles a step into a program that takes several.

    Args:
      step: (state, order, *rest) -> state; adds 1 to `state.step`.
      *rest: arrays that are the same at every step: data, keys.
      devices: that compute the steps, each with all of the state.

    Returns:
      The step function for `run_epochs`; the state is donated.
    """

    @functools.partial(jit_network, donate_argnums=0)
    def steps(state: Any, order: jax.Array, count: jax.Array, *rest: Any) -> Any:
        def next_step(_: jax.Array, state: Any) -> Any:
            return step(state, order, *rest)

        return jax.lax.fori_loop(0, count, next_step, state)

    placed = devices.replicated(rest)

    def call(state: Any, order: jax.Array, count: int | jax.Array = 1) -> Any:
        placed_first = devices.replicated((state, order, count_on_device(count)))
        return steps(*placed_first, *placed)

    return call


def steps_in_a_call(wanted: int) -> int:
    """How many steps a call takes.

    Args:
      wanted: by the user; 0: one on CPU, where a call costs nothing, else 32.

    Returns:
      The number.
    """
    return wanted or _STEPS_PER_CALL.get(jax.default_backend(), _ELSEWHERE)


class TrainingState(Protocol):
    """What the loop reads of a state.

    Attributes:
      step: int32 [], steps finished.
      totals: sums of the present epoch.
    """

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
      trouble: steps that were left out so far, and what became of the learning rate.
    """

    epoch: int
    step: int
    loss: float
    metrics: dict[str, float]
    seconds: float
    trouble: Trouble = Trouble()

    @property
    def means(self) -> dict[str, float]:
        """The metrics, and as `loss` what training minimises."""
        return {**self.metrics, "loss": self.loss}

    def row(self) -> dict[str, float]:
        """The trouble as fields of a row; a training without any has none."""
        skipped = (
            {"skipped_steps": self.trouble.skipped} if self.trouble.skipped else {}
        )
        lowered = {"rate": self.trouble.rate} if self.trouble.lowered else {}
        return {**skipped, **lowered}


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
    step_fn: StepFn,
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
    steps_per_call: int = 1,
    guard: Guard | None = None,
    on_call: Callable[[Any, int], object] = lambda state, step: None,
) -> Any:
    """Trains from the state's step to the last epoch.

    Args:
      state: where to start; its arrays are donated to `step_fn`.
      step_fn: see `in_one_call`; not called where there is a guard, which has its own.
      key: names the order of the examples; only folded.
      task: what is trained for.
      num_examples: size of the training split.
      steps_per_epoch: steps of one epoch.
      epochs: epochs in all.
      on_epoch: (state, report) -> state after each epoch (validation).
      progress: (calls, their number, description) -> calls, for display.
      description: what is being trained.
      should_stop: asked after every call, at the end of an epoch after `on_epoch`.
      steps_per_call: the most steps of a call; none goes beyond the end of an epoch.
      guard: leaves out steps that give no finite numbers, and takes fewer a call where
        memory runs out.
      on_call: (state, steps finished) after every call, at the end of an epoch after
        `on_epoch` (checkpoints).

    Returns:
      The final state.

    Raises:
      Stopped: `should_stop` answered yes; the exception carries the state.
      NonFiniteLossError: the loss of an epoch is not finite, without a guard.
      NoFiniteStepError: the guard does not help.
    """
    step = int(jax.device_get(state.step))
    if guard is not None:
        guard.begin(state)
    ends = _ends_of_calls(step, steps_per_epoch, epochs, steps_per_call)
    started = time.perf_counter()
    order = _epoch_order(key, count_on_device(step // steps_per_epoch), num_examples)
    for end in progress(ends, len(ends), description):
        if guard is None:
            state = step_fn(state, order, count_on_device(end - step))
        else:
            state = guard.run(state, order, step, end)
        step = end
        if step % steps_per_epoch == 0:
            if guard is not None and not is_sound(state):
                state = guard.take_again(
                    order, range(step - steps_per_epoch, step), should_stop
                )
            # Before a stop is asked for: a resumed run starts with the next epoch.
            epoch = step // steps_per_epoch
            means, nothing = _end_epoch(task, state.totals)
            loss, score = map(float, jax.device_get(means))
            if not math.isfinite(loss):
                raise NonFiniteLossError(
                    f"{description}: the mean loss of epoch {epoch} is {loss}",
                    "try a smaller learning_rate, a warm-up, or clip_norm",
                )
            seconds = time.perf_counter() - started
            trouble = Trouble() if guard is None else guard.trouble
            report = EpochReport(
                epoch, step, loss, {task.score: score}, seconds, trouble
            )
            state = on_epoch(state.replace(totals=nothing), report)
            if guard is not None:
                guard.keep(state)
            started = time.perf_counter()
            order = _epoch_order(key, count_on_device(epoch), num_examples)
        on_call(state, step)
        if should_stop():
            raise Stopped(state if guard is None else guard.sound(state))
    return state


def _ends_of_calls(
    step: int, steps_per_epoch: int, epochs: int, steps_per_call: int
) -> list[int]:
    """The number of steps that are finished after each call."""
    ends = []
    while step < epochs * steps_per_epoch:
        end_of_epoch = (step // steps_per_epoch + 1) * steps_per_epoch
        step = min(step + steps_per_call, end_of_epoch)
        ends.append(step)
    return ends


_epoch_order = jax.jit(epoch_order, static_argnums=2)


@jax.jit
def _end_epoch(
    task: Task, totals: Totals
) -> tuple[tuple[jax.Array, jax.Array], Totals]:
    """Mean loss and score over the examples that were seen; sums of no example."""
    score = score_metric(task).finish(totals.score, totals.examples)
    return (totals.loss / totals.examples, score), Totals.zero(task)
