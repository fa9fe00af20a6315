"""Training that may be stopped at any step and goes on from its checkpoint."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.kernels.device_memory import is_out_of_memory
from qnas_jax.runs import Checkpoints, Position
from qnas_jax.stopping import Stopped
from qnas_jax.training import (
    EpochReport,
    NonFiniteLossError,
    StagedTrainingOptions,
    StepFn,
    TrainingBatches,
    run_epochs,
    steps_in_a_call,
)


def resume(
    setting: NasSetting,
    checkpoints: Checkpoints,
    start: Any,
    nothing_logged: Position,
) -> Any:
    """The state that a training goes on from.

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
    setting.folder.metrics.cut(nothing_logged if saved is None else saved.note)
    return start if saved is None else saved.state


def train_to_the_end(
    setting: NasSetting,
    checkpoints: Checkpoints,
    state: Any,
    step_fn: StepFn,
    on_epoch: Callable[[Any, EpochReport], Any],
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
      state: where to start; its arrays are donated.
      step_fn: see `run_epochs`.
      on_epoch: (state, report) -> state after each epoch, before it is saved.
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
    metrics = setting.folder.metrics

    def save_if_due(state: Any, step: int) -> None:
        if checkpoints.is_due(step):
            checkpoints.save(state, metrics.position(rows))

    try:
        state = run_epochs(
            state,
            step_fn,
            key=setting.key(f"{name}/order"),
            task=batches.task,
            num_examples=batches.num_examples,
            steps_per_epoch=batches.steps_per_epoch,
            epochs=options.epochs,
            on_epoch=on_epoch,
            progress=setting.progress,
            description=name.replace("/", " "),
            should_stop=setting.should_stop,
            steps_per_call=steps_in_a_call(options.steps_per_call),
            on_call=save_if_due,
        )
        checkpoints.save(state, metrics.position(rows))
    except Stopped as stop:
        checkpoints.save(stop.state, metrics.position(rows))
        raise
    except NonFiniteLossError as error:
        raise NonFiniteLossError(error.what, _remedy(setting, name)) from error
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
