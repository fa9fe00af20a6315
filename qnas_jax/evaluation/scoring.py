"""Scores a population of subnets with inherited weights in one compiled call.

Inputs pass in chunks, and each chunk through the architectures one after the other, in
an order in which those with the same first layers are neighbours: what they share is
computed once, and repeated architectures are computed once. Memory is bounded by one
chunk's values after each layer, however large the population is. The obvious
alternative, `vmap` over architectures, runs every op of every layer
(`experiments/benches/scoring.py`).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp

from qnas_jax.evaluation.measuring import AddOutputs, Metrics, measure_many
from qnas_jax.kernels import jit_network
from qnas_jax.nets import (
    Mode,
    Slots,
    Supernet,
    VisitingOrder,
    take_path,
    visiting_order,
)
from qnas_jax.options import Options, option
from qnas_jax.tasks import Task

PRECISIONS = ("float32", "bfloat16")
STATISTICS = ("running", "recalibrate", "batch")


@dataclasses.dataclass(frozen=True)
class ScoringOptions(Options):
    """How subnets are scored with the supernet's weights.

    Raises:
      OptionError: a value is not allowed.
    """

    statistics: str = option(
        "recalibrate",
        "batch statistics: the supernet's running ones, recalibrated for each subnet, "
        "or those of each scored chunk",
        choices=STATISTICS,
    )
    precision: str = option(
        "float32",
        "of weights and values in the searched layers; stem, head and sums are float32",
        choices=PRECISIONS,
    )
    score_examples: int = option(0, "validation examples for a score; 0 is all", low=0)
    score_chunk: int = option(128, "examples computed at once; bounds memory", low=1)
    calibration_examples: int = option(
        256, "training examples that `recalibrate` passes through each subnet", low=1
    )
    calibration_batch: int = option(
        128, "examples of one calibration batch; a rest is left out", low=1
    )


Weights = tuple[Slots, Slots]
ScorePopulation = Callable[[Weights, Any, jax.Array, jax.Array], Metrics]


def make_population_scorer(
    supernet: Supernet, task: Task, options: ScoringOptions, calibration: jax.Array
) -> ScorePopulation:
    """Builds `score_population`.

    Args:
      supernet: the network.
      task: what networks are judged by.
      options: statistics, chunk size, number of calibration examples.
      calibration: training inputs [M, ...] as the data have them; the first
        `calibration_examples` serve `recalibrate`.

    Returns:
      score_population(weights, archs, inputs, targets): weights are the supernet's
      (params, stats), archs int32 [P, L], inputs [N, ...] as the data have them,
      targets [N, ...]; it returns the task's metrics, float32 [P] each, the same as
      measuring the architectures one by one.
    """
    calibration = calibration[: options.calibration_examples]
    mode: Mode = "batch" if options.statistics == "batch" else "running"

    @jit_network
    def score_population(
        weights: Weights,
        archs: jax.Array,
        inputs: jax.Array,
        targets: jax.Array,
        calibration: jax.Array,
    ) -> Metrics:
        order = visiting_order(archs)
        params, stats = weights
        layers = [rows.astype(options.precision) for rows in params["layers"]]
        params = {"fixed": params["fixed"], "layers": layers}
        rows = jax.vmap(functools.partial(take_path, stats))(order.archs)
        if options.statistics == "recalibrate":
            batches = _batches(calibration, options.calibration_batch)
            rows = _calibrate(supernet, params, rows, order, task.prepare(batches))

        def run(prepared: jax.Array, add: AddOutputs, sums: Any) -> Any:
            def visit(place: jax.Array, outputs: jax.Array, _: Slots, sums: Any) -> Any:
                return add(place, outputs, sums)

            return supernet.visit(
                params, rows, order, prepared, mode=mode, visitor=visit, carry=sums
            )

        metrics = measure_many(
            task, run, len(archs), inputs, targets, options.score_chunk
        )
        return {name: values[order.place] for name, values in metrics.items()}

    def call(
        weights: Weights, archs: Any, inputs: jax.Array, targets: jax.Array
    ) -> Metrics:
        archs = jnp.asarray(archs, jnp.int32)
        chex.assert_shape(archs, (None, supernet.space.num_layers))
        return score_population(weights, archs, inputs, targets, calibration)

    return call


def _batches(images: jax.Array, size: int) -> jax.Array:
    """[M, ...] -> [batches, size, ...]; a rest is left out."""
    size = min(size, len(images))
    return images[: len(images) // size * size].reshape(-1, size, *images.shape[1:])


def _calibrate(
    supernet: Supernet,
    params: Slots,
    rows: Slots,
    order: VisitingOrder,
    batches: jax.Array,
) -> Slots:
    """Averages the statistics of the calibration batches for each architecture."""

    def add(place: jax.Array, _: jax.Array, found: Slots, total: Slots) -> Slots:
        return jax.tree.map(lambda sums, row: sums.at[place].add(row), total, found)

    def add_batch(total: Slots, batch: jax.Array) -> tuple[Slots, None]:
        total = supernet.visit(
            params, rows, order, batch, mode="batch", visitor=add, carry=total
        )
        return total, None

    total, _ = jax.lax.scan(add_batch, jax.tree.map(jnp.zeros_like, rows), batches)
    return jax.tree.map(lambda value: value / len(batches), total)
