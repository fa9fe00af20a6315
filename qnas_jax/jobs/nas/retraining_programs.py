"""A network that is to be retrained, and its programs: a step, and what measures it.

They can be compiled before the network's turn comes (`jobs/ahead.py`): a call of no
steps changes nothing, and what is measured of weights that were not trained is not
read. Whoever retrains the network then takes the same programs.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from qnas_jax import data
from qnas_jax.data import epoch_order
from qnas_jax.evaluation import measure_on_devices
from qnas_jax.jobs.nas.candidates import Candidate
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.kernels import jit_network
from qnas_jax.tasks import Classifying
from qnas_jax.training import (
    RetrainOptions,
    RetrainState,
    StandaloneModel,
    StepFn,
    TrainingBatches,
    initial_retrain_state,
    make_optimizer,
    make_retrain_step,
)

_CHUNK = 500
Measure = Callable[[Any, jax.Array, jax.Array], dict[str, Any]]
"""(weights, inputs, targets) -> metrics by name, as numbers (details as lists)."""


@dataclasses.dataclass(frozen=True)
class Retraining:
    """What is retrained, and its programs; each is compiled when it is first called.

    Attributes:
      model: the network, with initial weights.
      options: with the learning rate that was chosen for it.
      batches: what it is trained on.
      measure_on: its metrics and details on a split.
      step_at: factor of the learning rate -> step function; one object for a factor of
        1, which is compiled once.
    """

    model: StandaloneModel
    options: RetrainOptions
    batches: TrainingBatches
    measure_on: Measure
    step_at: Callable[[float], StepFn]

    def first_state(self) -> RetrainState:
        """The state before the first step."""
        optimizer = make_optimizer(self.options, self.batches.steps_per_epoch)
        return initial_retrain_state(self.model, self.batches.task, optimizer)


def retraining_of(
    setting: NasSetting, candidate: Candidate, options: RetrainOptions
) -> Retraining:
    """Draws the weights of a network; nothing large is compiled.

    Args:
      setting: the run.
      candidate: the network.
      options: what it is trained with.

    Returns:
      The network and its programs.
    """
    # Fresh weights of all ops: that program is compiled already, one of the subnet's
    # own would not be.
    supernet = candidate.supernet
    weights = supernet.init(setting.key(f"retrain/{candidate.name}/init"))
    model = StandaloneModel(supernet.cut(*weights, candidate.arch))
    task = setting.task.with_options(setting.config.retrain_task)
    batches = TrainingBatches.of(setting.dataset.train, task, options.batch_size)
    steps_key = setting.key(f"retrain/{candidate.name}/steps")

    @functools.cache
    def step_at(rate: float) -> StepFn:
        optimizer = make_optimizer(options, batches.steps_per_epoch, rate)
        return make_retrain_step(
            model, optimizer, options, batches, steps_key, setting.devices
        )

    return Retraining(model, options, batches, _measurer(setting, model), step_at)


def compiled_ahead(setting: NasSetting, candidate: Candidate) -> Retraining:
    """The same, its step and what measures it on the validation split compiled.

    Args:
      setting: the run.
      candidate: the network.

    Returns:
      The network and its programs.
    """
    made = retraining_of(setting, candidate, setting.config.retrain)
    order = epoch_order(jax.random.key(0), 0, made.batches.num_examples)
    state = made.step_at(1.0)(made.first_state(), order, 0)
    made.measure_on(state.average, *setting.valid)
    return made


def compile_test(setting: NasSetting, made: Retraining) -> None:
    """Compiles what measures a network on the test split, of which nothing is read."""
    test = setting.dataset.test
    nothing = data.Split(np.zeros_like(test.inputs), np.zeros_like(test.targets))
    weights = made.model.params, made.model.stats
    made.measure_on(weights, *data.on_device(nothing))


def _measurer(setting: NasSetting, model: StandaloneModel) -> Measure:
    """Metrics and details of the model with given (params, stats) on a split.

    One program is for both splits where they are of one size.
    """
    task = setting.task
    answer = task.answer if isinstance(task, Classifying) else None

    @functools.partial(jit_network, static_argnums=3)
    def compute(
        weights: Any, inputs: jax.Array, targets: jax.Array, chunk: int
    ) -> dict[str, jax.Array]:
        def run(weights: Any, prepared: jax.Array) -> jax.Array:
            params, stats = weights
            return model.predict(params, stats, prepared)

        return measure_on_devices(
            task,
            run,
            (weights, inputs, targets),
            chunk,
            details=task.details,
            answer=answer,
            devices=setting.devices,
        )

    def measure_on(
        weights: Any, inputs: jax.Array, targets: jax.Array
    ) -> dict[str, Any]:
        whole = setting.devices.replicated((weights, inputs, targets))
        run = functools.partial(compute, *whole)
        chunk = min(_CHUNK, len(targets))
        metrics = jax.device_get(setting.at_once.run(run, chunk, chunk))
        return {name: np.asarray(value).tolist() for name, value in metrics.items()}

    return measure_on
