"""Training that may be stopped at any step and goes on from its checkpoint."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from qnas_jax.data import epoch_order
from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.kernels.device_memory import is_out_of_memory
from qnas_jax.runs import Checkpoints, Position
from qnas_jax.stopping import Stopped
from qnas_jax.training import (
    EpochReport,
    Guard,
    NoFiniteStepError,
    NonFiniteLossError,
    StagedTrainingOptions,
    StepFn,
    TrainingBatches,
    Trouble,
    is_sound,
    run_epochs,
    steps_in_a_call,
)


class Begun(NamedTuple):
    """Where a training goes on.

    Attributes:
      state: the state.
      trouble: steps that were left out before, and the learning rate since then.
    """

    state: Any
    trouble: Trouble = Trouble()


def resume(
    setting: NasSetting,
    checkpoints: Checkpoints,
    start: Any,
    nothing_logged: Position,
) -> Begun:
    """What a training goes on from.

    Rows of metrics that were logged after it are taken out, as they come again.

    Args:
      setting: the run.
      checkpoints: of the training.
      start: its state before the first step.
      nothing_logged: how far its rows of metrics went then.

    Returns:
      The newest state that was saved; `start` if none was.

    Raises:
      RunError: what was saved, or a row, is gone or damaged.
    """
    saved = checkpoints.restore(start)
    if saved is None:
        setting.folder.metrics.cut(nothing_logged)
        return Begun(start)
    # Checkpoints of before there was a guard hold the position alone.
    note = saved.note if _TROUBLE in saved.note else {_ROWS: saved.note, _TROUBLE: ()}
    setting.folder.metrics.cut(note[_ROWS])
    return Begun(saved.state, Trouble(*note[_TROUBLE]))


_ROWS, _TROUBLE = "rows", "trouble"


def train_to_the_end(
    setting: NasSetting,
    checkpoints: Checkpoints,
    begun: Begun,
    step_at: Callable[[float], StepFn],
    on_epoch: Callable[[Any, EpochReport], Any],
    failing: Callable[[Any, jax.Array], str],
    *,
    name: str,
    rows: Sequence[str],
    options: StagedTrainingOptions,
    batches: TrainingBatches,
) -> Any:
    """Trains on the training split, and saves the state now and then and at the end.

    Args:
      setting: the run.
      checkpoints: where to; closed afterwards.
      begun: where to start; its arrays are donated.
      step_at: factor of the learning rate -> step function, see `Guard`.
      on_epoch: (state, report) -> state after each epoch, before it is saved.
      failing: (state, order int32 [N]) -> architecture and layer of a step that gives
        no finite numbers, in words.
      name: of what is trained, words with slashes between; names the order of examples.
      rows: the names in the field `stage` of its rows of metrics.
      options: how many epochs, and steps of a call.
      batches: what is trained on.

    Returns:
      The final state.

    Raises:
      Stopped: the user asked to stop; the state is saved.
      NonFiniteLossError: training diverged.
      UserError: the memory does not suffice for a step.
    """
    metrics, words = setting.folder.metrics, name.replace("/", " ")
    order_key = setting.key(f"{name}/order")
    guard = Guard(
        step_at, lambda line: setting.say(f"{words}: {line}"), trouble=begun.trouble
    )

    def note() -> dict[str, Any]:
        return {_ROWS: metrics.position(rows), _TROUBLE: list(guard.trouble)}

    def save_if_due(state: Any, step: int) -> None:
        # Within an epoch nobody has looked at the state yet.
        if checkpoints.is_due(step) and is_sound(state):
            checkpoints.save(state, note())

    def after_epoch(state: Any, report: EpochReport) -> Any:
        state = on_epoch(state, report)
        setting.ahead.begin_offered()  # All that this training calls is compiled.
        return state

    try:
        state = run_epochs(
            begun.state,
            guard.step_fn,
            key=order_key,
            task=batches.task,
            num_examples=batches.num_examples,
            steps_per_epoch=batches.steps_per_epoch,
            epochs=options.epochs,
            on_epoch=after_epoch,
            progress=setting.progress,
            description=words,
            should_stop=setting.should_stop,
            steps_per_call=steps_in_a_call(options.steps_per_call),
            guard=guard,
            on_call=save_if_due,
        )
        checkpoints.save(state, note())
    except Stopped as stop:
        checkpoints.save(stop.state, note())
        raise
    except NoFiniteStepError as error:
        epoch = int(error.state.step) // batches.steps_per_epoch
        order = epoch_order(order_key, epoch, batches.num_examples)
        place = failing(jax.tree.map(jnp.asarray, error.state), order)
        raise NonFiniteLossError(
            f"{words}: step {int(error.state.step) + 1} (epoch {epoch + 1}) and those "
            f"after it give no finite numbers, also at {guard.trouble.rate:g} times "
            f"the learning rate; {place}",
            _remedy(setting, name),
        ) from error
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(_out_of_memory(name, options)) from error
    finally:
        checkpoints.close()
    return state


def _out_of_memory(name: str, options: StagedTrainingOptions) -> str:
    """What a training step that is too large calls for."""
    group = name.partition("/")[0]
    halves = (
        f", or {group}.precision=bfloat16" if options.precision == "float32" else ""
    )
    return (
        f"{name.replace('/', ' ')}: out of memory; take a {group}.batch_size below "
        f"{options.batch_size}{halves}"
    )


def _remedy(setting: NasSetting, name: str) -> str:
    """What a diverged training calls for: sound ops before a smaller learning rate."""
    ops = setting.non_finite_ops()
    if ops:
        return f"{ops}, whatever the weights"
    group = name.partition("/")[0]
    return (
        f"try a smaller {group}.learning_rate, {group}.warmup_epochs above 0, or "
        f"{group}.clip_norm above 0"
    )
