"""Learning-rate schedules and stochastic gradient descent as the public code has it."""

import optax

from qnas_jax.training.options import TrainingOptions


def make_schedule(options: TrainingOptions, steps_per_epoch: int) -> optax.Schedule:
    """Builds the learning rate as a function of the step.

    Args:
      options: schedule, peak, warm-up and decay.
      steps_per_epoch: steps of one epoch.

    Returns:
      step -> learning rate. `cosine` reaches 0 after the last step, `step` multiplies
      by `decay_rate` every `decay_every` epochs; both begin after the warm-up.
    """
    total = options.epochs * steps_per_epoch
    warmup = min(round(options.warmup_epochs * steps_per_epoch), total)
    peak = options.learning_rate
    if options.schedule == "cosine":
        main = optax.cosine_decay_schedule(peak, max(total - warmup, 1))
    elif options.schedule == "step":
        main = optax.exponential_decay(
            peak,
            max(round(options.decay_every * steps_per_epoch), 1),
            options.decay_rate,
            staircase=True,
        )
    else:
        main = optax.constant_schedule(peak)
    if warmup == 0:
        return main
    rise = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([rise, main], [warmup])


def make_optimizer(
    options: TrainingOptions, steps_per_epoch: int
) -> optax.GradientTransformation:
    """Builds SGD: clip, add the L2 penalty, momentum, learning rate (in this order).

    Args:
      options: momentum, weight decay, clipping, schedule.
      steps_per_epoch: steps of one epoch.

    Returns:
      The optimiser.
    """
    parts = []
    if options.clip_norm > 0:
        parts.append(optax.clip_by_global_norm(options.clip_norm))
    parts.append(optax.add_decayed_weights(options.weight_decay))
    schedule = make_schedule(options, steps_per_epoch)
    parts.append(optax.sgd(schedule, momentum=options.momentum))
    return optax.chain(*parts)
