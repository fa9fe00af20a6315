"""Learning-rate schedules, gradient descent as the public code has it, and Adam."""

import dataclasses
from collections.abc import Callable

import optax

from qnas_jax.nets.precision import PRECISIONS
from qnas_jax.options import Options, option


def _cosine(
    options: "TrainingOptions", steps_per_epoch: int, steps: int
) -> optax.Schedule:
    """Reaches 0 after the last step."""
    del steps_per_epoch
    return optax.cosine_decay_schedule(options.learning_rate, max(steps, 1))


def _step(
    options: "TrainingOptions", steps_per_epoch: int, steps: int
) -> optax.Schedule:
    """Multiplies by `decay_rate` every `decay_every` epochs."""
    if options.decay_every == 0:
        return _constant(options, steps_per_epoch, steps)
    del steps
    return optax.exponential_decay(
        options.learning_rate,
        max(round(options.decay_every * steps_per_epoch), 1),
        options.decay_rate,
        staircase=True,
    )


def _constant(
    options: "TrainingOptions", steps_per_epoch: int, steps: int
) -> optax.Schedule:
    del steps_per_epoch, steps
    return optax.constant_schedule(options.learning_rate)


SCHEDULES: dict[str, Callable[["TrainingOptions", int, int], optax.Schedule]] = {
    "cosine": _cosine,
    "step": _step,
    "constant": _constant,
}
"""(options, steps of an epoch, steps after the warm-up) -> schedule after it."""

SGD, ADAM = "sgd", "adam"


@dataclasses.dataclass(frozen=True)
class TrainingOptions(Options):
    """What every training has: its length, its batches and its optimiser.

    Raises:
      OptionError: a value is not allowed.
    """

    epochs: int = option(10, "passes over the training split", low=1)
    batch_size: int = option(64, "examples a step", low=1)
    learning_rate: float = option(0.05, "peak learning rate", above=0)
    schedule: str = option("cosine", "course of the learning rate", choices=SCHEDULES)
    warmup_epochs: float = option(
        0.0, "linear increase from 0 over these epochs", low=0
    )
    decay_every: float = option(
        20.0, "epochs between decays of `step`; 0: never", low=0
    )
    decay_rate: float = option(0.8, "factor of each decay of `step`", above=0, high=1)
    optimizer: str = option(
        SGD,
        "gradient descent with momentum, or Adam, for networks that the former trains "
        "slowly: LSTMs, attention",
        choices=(SGD, ADAM),
    )
    momentum: float = option(
        0.9, "momentum of SGD, decay of the mean gradient of Adam", low=0, below=1
    )
    weight_decay: float = option(
        4e-4,
        "L2 penalty, added to the gradient; with Adam apart from it, as AdamW has it",
        low=0,
    )
    clip_norm: float = option(0.0, "largest global gradient norm; 0 is off", low=0)
    precision: str = option(
        "float32",
        "of values and products; weights, moments, statistics and sums are float32",
        choices=PRECISIONS,
    )


@dataclasses.dataclass(frozen=True)
class StagedTrainingOptions(TrainingOptions):
    """A training that is a stage of its own: it is watched, and may be stopped.

    Raises:
      OptionError: a value is not allowed.
    """

    steps_per_call: int = option(
        0, "steps between two looks at the host; 0: 1 on CPU, else 32", low=0
    )


def make_schedule(options: TrainingOptions, steps_per_epoch: int) -> optax.Schedule:
    """Builds the learning rate as a function of the step.

    Args:
      options: schedule, peak, warm-up and decay.
      steps_per_epoch: steps of one epoch.

    Returns:
      step -> learning rate; the schedule begins after the warm-up.
    """
    total = options.epochs * steps_per_epoch
    warmup = min(round(options.warmup_epochs * steps_per_epoch), total)
    main = SCHEDULES[options.schedule](options, steps_per_epoch, total - warmup)
    if warmup == 0:
        return main
    rise = optax.linear_schedule(0.0, options.learning_rate, warmup)
    return optax.join_schedules([rise, main], [warmup])


def make_optimizer(
    options: TrainingOptions, steps_per_epoch: int, rate: float = 1.0
) -> optax.GradientTransformation:
    """Builds the optimiser with the learning rate of the options.

    Args:
      options: rule, momentum, weight decay, clipping, schedule.
      steps_per_epoch: steps of one epoch.
      rate: factor of the learning rate.

    Returns:
      The optimiser.
    """
    schedule = make_schedule(options, steps_per_epoch)
    if rate != 1.0:
        return make_rule(options, lambda step: rate * schedule(step))
    return make_rule(options, schedule)


def make_rule(
    options: TrainingOptions, learning_rate: optax.ScalarOrSchedule
) -> optax.GradientTransformation:
    """Builds SGD: clip, add the L2 penalty, momentum, learning rate (in this order).

    Or AdamW (Loshchilov & Hutter 2019): clip, then Adam with the decay apart from it.

    Args:
      options: rule, momentum, weight decay, clipping.
      learning_rate: of each step, or a schedule; a number may be traced, so that one
        program serves schedules of any length.

    Returns:
      The optimiser.
    """
    parts = []
    if options.clip_norm > 0:
        parts.append(optax.clip_by_global_norm(options.clip_norm))
    if options.optimizer == ADAM:
        parts.append(
            optax.adamw(
                learning_rate, b1=options.momentum, weight_decay=options.weight_decay
            )
        )
        return optax.chain(*parts)
    parts.append(optax.add_decayed_weights(options.weight_decay))
    parts.append(optax.sgd(learning_rate, momentum=options.momentum))
    return optax.chain(*parts)
