"""One training step of the supernet, compiled once for all architectures.

The architecture is data: what a sampler draws in the step. What its paths change is in
`path_learning.py`.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
import optax

from qnas_jax.devices import Devices
from qnas_jax.nets import FORMS, Supernet, set_mode
from qnas_jax.nets.non_finite import non_finite_place
from qnas_jax.options import OptionError, option
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.loop import StepFn, in_one_call
from qnas_jax.training.optimizer import SGD, StagedTrainingOptions
from qnas_jax.training.path_learning import PathLearning
from qnas_jax.training.paths import PathSampler, SamplerState
from qnas_jax.training.samplers import SamplerOptions
from qnas_jax.training.supernet_state import SupernetState


@dataclasses.dataclass(frozen=True)
class SupernetOptions(StagedTrainingOptions, SamplerOptions):
    """Training of the weight-sharing supernet.

    Raises:
      OptionError: a value is not allowed.
    """

    form: str = option(
        "auto",
        "how ops are run: by control flow, or padded to one size; auto by backend",
        choices=("auto", *FORMS),
    )
    width: float = option(
        1.0, "share of the channels that its networks have", above=0, high=1
    )
    cells: int = option(
        0, "cells of a stage that its networks have; 0: as in the space", low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimizer != SGD:
            allowed = (
                f"{SGD} for supernets: Adam counts steps, which paths do not share"
            )
            raise OptionError("optimizer", self.optimizer, allowed)


def make_supernet_step(
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    sampler: PathSampler,
    batches: TrainingBatches,
    key: jax.Array,
    *,
    precision: str = "float32",
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> StepFn:
    """Builds the step function for `run_epochs`.

    Args:
      supernet: the network.
      optimizer: the optimiser.
      sampler: draws the paths.
      batches: the training split, and the task with its loss.
      key: root of all randomness of the steps; only folded.
      precision: of values and products.
      devices: among which the examples of a batch are divided.

    Returns:
      (state, order, count=1) -> state, see `in_one_call`.

    Raises:
      OptionError: paths are to learn from another one, and the task has no loss for it.
    """
    if sampler.distillation and not hasattr(batches.task, "distilled_loss"):
        allowed = f"0 for {type(batches.task).__name__}, which has no distilled_loss"
        raise OptionError("distillation", sampler.distillation, allowed)

    def step(
        state: SupernetState, order: jax.Array, batches: TrainingBatches, keys: Any
    ) -> SupernetState:
        archs, sampler_state, batch = _drawn(sampler, state, order, batches, keys)
        learn = PathLearning(
            supernet,
            batches.task,
            optimizer,
            precision,
            sampler.once,
            devices,
            sampler.distillation,
        )
        update = learn.one_path if sampler.num_paths == 1 else learn.all_paths
        state = update(state, archs, batch)
        return state.replace(sampler=sampler_state, step=state.step + 1)

    keys = tuple(jax.random.split(key))
    return in_one_call(step, batches, keys, devices=devices)


def _drawn(
    sampler: PathSampler,
    state: SupernetState,
    order: jax.Array,
    batches: TrainingBatches,
    keys: Any,
) -> tuple[jax.Array, SamplerState, tuple[jax.Array, jax.Array]]:
    """Paths int32 [S, L], the sampler's new state, and the batch of a step."""
    order_key, steps_key = keys
    step_key = jax.random.fold_in(steps_key, state.step)
    path_key, augment_key = jax.random.split(step_key)
    archs, sampler_state = sampler.sample(
        order_key, path_key, state.sampler, state.pool_share
    )
    return archs, sampler_state, batches.take(augment_key, order, state.step)


def failing_path(
    supernet: Supernet,
    sampler: PathSampler,
    batches: TrainingBatches,
    key: jax.Array,
    state: SupernetState,
    order: jax.Array,
) -> tuple[np.ndarray, str]:
    """Which path of a step gives no finite numbers, and where in it that begins.

    Args:
      supernet: the network.
      sampler: draws the paths.
      batches: the training split.
      key: as for `make_supernet_step`.
      state: before the step.
      order: int32 [N], of the examples of its epoch.

    Returns:
      The architecture int32 [L] and the place in words, "" if all its numbers are
      finite in float32.
    """
    keys = tuple(jax.random.split(key))
    archs, _, (inputs, targets) = _drawn(sampler, state, order, batches, keys)
    place = ""
    for arch in np.asarray(archs):
        network = supernet.cut(state.params, state.stats, arch)
        set_mode(network, "train")
        loss = functools.partial(batches.task.loss, targets=targets)
        place = non_finite_place(network, inputs, loss)
        if place:
            break
    return arch, place
