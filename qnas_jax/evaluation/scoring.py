"""Scores a population of subnets with inherited weights in one compiled call.

Inputs pass in chunks, and each chunk through the distinct architectures. A supernet
that switches takes one after the other, in an order in which those with the same first
layers are neighbours: what they share is computed once. (`vmap` over architectures
would run every op of every layer there, `experiments/benches/scoring.py`.) A padded one
takes a block of them at once, by `vmap`. Memory is bounded by the values of one chunk
in one block, however large the population is; see `evaluation/at_once.py`. Several
devices take a part of the population each.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.devices import Devices
from qnas_jax.evaluation.at_once import AtOnce, networks_at_once, split
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
from qnas_jax.nets.precision import PRECISIONS
from qnas_jax.options import Options, option
from qnas_jax.tasks import Task

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
        "of values and products; statistics, sums and the classifier are float32",
        choices=PRECISIONS,
    )
    score_examples: int = option(0, "validation examples for a score; 0 is all", low=0)
    score_chunk: int = option(128, "examples computed at once; bounds memory", low=1)
    score_block: int = option(
        0,
        "networks computed at once by a padded supernet; 0 is what memory allows",
        low=0,
    )
    calibration_examples: int = option(
        256, "training examples that `recalibrate` passes through each subnet", low=1
    )
    calibration_batch: int = option(
        128, "examples of one calibration batch; a rest is left out", low=1
    )


Weights = tuple[Slots, Slots]
ScorePopulation = Callable[[Weights, Any, jax.Array, jax.Array], Metrics]
ScoreShare = Callable[[Any, jax.Array, int], Metrics]
"""Of (weights, inputs, targets, calibration), archs int32 [P, L], and how many images
of all architectures are computed at once."""


def make_population_scorer(
    supernet: Supernet,
    task: Task,
    options: ScoringOptions,
    calibration: jax.Array,
    at_once: AtOnce | None = None,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> ScorePopulation:
    """Builds `score_population`.

    Args:
      supernet: the network.
      task: what networks are judged by.
      options: statistics, chunk size, number of calibration examples.
      calibration: training inputs [M, ...] as the data have them; the first
        `calibration_examples` serve `recalibrate`.
      at_once: what is known to be too much for the memory; None: nothing yet.
      devices: among which a population is divided.

    Returns:
      score_population(weights, archs, inputs, targets): weights are the supernet's
      (params, stats), archs int32 [P, L], inputs [N, ...] as the data have them,
      targets [N, ...]; it returns the task's metrics, float32 [P] each, the same as
      measuring the architectures one by one. Out of memory, it computes less at once:
      metrics differ by rounding, and with statistics of fewer examples where those of
      a chunk or of a calibration batch are taken.
    """
    calibration = devices.replicated(calibration[: options.calibration_examples])
    calibration_batch = 1
    if options.statistics == "recalibrate":
        calibration_batch = min(options.calibration_batch, len(calibration))
    limits = at_once or AtOnce()

    score_share = _share_scorer(supernet, task, options, calibration_batch)
    score_population = _population_program(score_share, devices)

    def call(
        weights: Weights, archs: Any, inputs: jax.Array, targets: jax.Array
    ) -> Metrics:
        archs = _on_device(archs)
        chex.assert_shape(archs, (None, supernet.space.num_layers))
        whole = devices.replicated((weights, inputs, targets, calibration))
        archs = devices.replicated(archs)
        images = max(min(options.score_chunk, len(targets)), calibration_batch)
        networks = min(most_networks(images), len(archs))

        def compute(number: int) -> Metrics:
            return score_population(whole, archs, number)

        return limits.run(compute, networks * images, images)

    @functools.cache
    def most_networks(images: int) -> int:
        """Asked when the first population comes, as weights and data take memory."""
        if supernet.form == "switch":
            return 1
        return options.score_block or networks_at_once(
            supernet.largest_values, images, options.precision
        )

    return call


def _population_program(score_share: ScoreShare, devices: Devices) -> ScoreShare:
    """One program for all populations; each device scores a share of neighbours."""

    @functools.partial(jit_network, static_argnums=2)
    def score_population(whole: Any, archs: jax.Array, number: int) -> Metrics:
        def score(whole: Any, archs: jax.Array) -> Metrics:
            return score_share(whole, archs, number)

        if devices.count == 1:
            return score(whole, archs)
        # Neighbours begin with the same ops: they belong to one device.
        by_arch = jnp.lexsort(archs.T[::-1])
        metrics = devices.over_members(score)(whole, archs[by_arch])
        place = jnp.argsort(by_arch)
        return {name: values[place] for name, values in metrics.items()}

    return score_population


def _share_scorer(
    supernet: Supernet, task: Task, options: ScoringOptions, calibration_batch: int
) -> ScoreShare:
    """Builds what scores the architectures of one device."""
    mode: Mode = "batch" if options.statistics == "batch" else "running"

    def score_share(whole: Any, archs: jax.Array, number: int) -> Metrics:
        weights, inputs, targets, calibration = whole
        order = visiting_order(archs)
        block, chunk = split(number, min(options.score_chunk, len(targets)))
        params, stats = weights
        if options.precision != "float32":
            params = supernet.in_precision(params, options.precision)
        rows = jax.vmap(functools.partial(take_path, stats))(order.archs)
        if options.statistics == "recalibrate":
            own_block, size = split(number, calibration_batch)
            batches = task.prepare(_batches(calibration, size))
            rows = _calibrate(supernet, params, rows, order, batches, own_block)

        def run(prepared: jax.Array, add: AddOutputs, sums: Any) -> Any:
            def visit(place: jax.Array, outputs: jax.Array, _: Slots, sums: Any) -> Any:
                return add(place, outputs, sums)

            return supernet.visit(
                params,
                rows,
                order,
                prepared,
                mode=mode,
                visitor=visit,
                carry=sums,
                block=block,
            )

        metrics = measure_many(task, run, len(archs), inputs, targets, chunk)
        return {name: values[order.place] for name, values in metrics.items()}

    return score_share


def _on_device(archs: Any) -> jax.Array:
    """Integers [P, L] as int32 on the device, copied there explicitly."""
    if isinstance(archs, jax.Array):
        return archs.astype(jnp.int32)
    return jax.device_put(np.asarray(archs, np.int32))


def _batches(images: jax.Array, size: int) -> jax.Array:
    """[M, ...] -> [batches, size, ...]; a rest is left out."""
    return images[: len(images) // size * size].reshape(-1, size, *images.shape[1:])


def _calibrate(
    supernet: Supernet,
    params: Slots,
    rows: Slots,
    order: VisitingOrder,
    batches: jax.Array,
    block: int,
) -> Slots:
    """Averages the statistics of the calibration batches for each architecture."""

    def add(place: jax.Array, _: jax.Array, found: Slots, total: Slots) -> Slots:
        return jax.tree.map(lambda sums, row: sums.at[place].add(row), total, found)

    def add_batch(total: Slots, batch: jax.Array) -> tuple[Slots, None]:
        total = supernet.visit(
            params,
            rows,
            order,
            batch,
            mode="batch",
            visitor=add,
            carry=total,
            block=block,
        )
        return total, None

    total, _ = jax.lax.scan(add_batch, jax.tree.map(jnp.zeros_like, rows), batches)
    return jax.tree.map(lambda value: value / len(batches), total)
