"""Subnets with the inherited weights of a trained supernet, as an evaluator."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from qnas_jax.data import Split
from qnas_jax.devices import Devices
from qnas_jax.evaluation.at_once import AtOnce
from qnas_jax.evaluation.evaluator import (
    ONE_FIDELITY,
    Compiled,
    Evaluated,
    ScoreOf,
    finite_status,
)
from qnas_jax.evaluation.scoring import (
    ScorePopulation,
    ScoringOptions,
    Weights,
    make_population_scorer,
)
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.nets import Supernet
from qnas_jax.tasks import Task


class SupernetEvaluator(Compiled, struct.PyTreeNode):
    """Scores by one compiled call; a pytree, so weights can be arguments of programs.

    Attributes:
      weights: the supernet's (params, stats).
      inputs: that scores are measured on, [N, ...] as the data have them.
      targets: [N, ...].
      score_population: see `make_population_scorer`.
      score: which metric is improved.
    """

    weights: Weights
    inputs: jax.Array
    targets: jax.Array
    score_population: ScorePopulation = struct.field(pytree_node=False)
    score: ScoreOf = struct.field(pytree_node=False)

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Only one: all inputs."""
        return ONE_FIDELITY

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; nothing is drawn, so the key is not used."""
        del key, fidelities
        metrics = self.score_population(self.weights, archs, self.inputs, self.targets)
        return Evaluated(metrics, finite_status(metrics))


def supernet_evaluator(
    supernet: Supernet,
    task: Task,
    options: ScoringOptions,
    *,
    train: Split,
    valid: tuple[jax.Array, jax.Array],
    at_once: AtOnce | None = None,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> Callable[[Weights], SupernetEvaluator]:
    """Builds an evaluator of whatever weights the supernet has at the time.

    Args:
      supernet: the network.
      task: what subnets are judged by.
      options: statistics, number of examples, chunk size.
      train: its first inputs recalibrate batch statistics.
      valid: inputs [N, ...] and targets [N, ...], on the device; the first
        `score_examples` are scored on.
      at_once: what is known to be too much for the memory; None: nothing yet.
      devices: among which a population is divided.

    Returns:
      (params, stats) -> evaluator; all of them share one compiled program.
    """
    calibration = jnp.asarray(train.inputs[: options.calibration_examples])
    count = options.score_examples or len(valid[0])
    inputs, targets = devices.replicated(tuple(values[:count] for values in valid))
    make = functools.partial(
        SupernetEvaluator,
        inputs=inputs,
        targets=targets,
        score_population=make_population_scorer(
            supernet, task, options, calibration, at_once, devices
        ),
        score=ScoreOf.of(task),
    )
    return lambda weights: make(devices.replicated(weights))


def make_supernet_evaluator(options: ScoringOptions, parts: Parts) -> SupernetEvaluator:
    """The evaluator of a run's trained supernet."""
    reduced = parts.reduced
    evaluator_of = supernet_evaluator(
        reduced.supernet,
        reduced.task,
        options,
        train=reduced.dataset.train,
        valid=reduced.valid,
        at_once=parts.at_once,
        devices=parts.devices,
    )
    return evaluator_of(parts.weights)


SPEC = EvaluatorSpec(
    summary="the score of the task, with the weights of a trained supernet",
    make=make_supernet_evaluator,
    group="scoring",
    options=ScoringOptions,
    trains=True,
)
