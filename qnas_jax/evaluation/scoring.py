"""Scores a population of subnets with inherited weights in one compiled call.

Images pass in chunks, and each chunk through the architectures one after the other, in
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
import optax
from flax import struct

from qnas_jax.data import normalise
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
    score_images: int = option(0, "validation images for a score; 0 is all", low=0)
    score_chunk: int = option(128, "images computed at once; bounds memory", low=1)
    calibration_images: int = option(
        256, "training images that `recalibrate` passes through each subnet", low=1
    )
    calibration_batch: int = option(
        128, "images of one calibration batch; a rest is left out", low=1
    )


class Scores(struct.PyTreeNode):
    """What scoring says of each architecture.

    Attributes:
      accuracy: float32 [P], share of the images classified correctly.
      loss: float32 [P], mean cross-entropy.
    """

    accuracy: jax.Array
    loss: jax.Array


Weights = tuple[Slots, Slots]
ScorePopulation = Callable[[Weights, Any, jax.Array, jax.Array], Scores]


def make_population_scorer(
    supernet: Supernet,
    options: ScoringOptions,
    mean: Any,
    std: Any,
    calibration: jax.Array,
) -> ScorePopulation:
    """Builds `score_population`.

    Args:
      supernet: the network.
      options: statistics, chunk size, number of calibration images.
      mean: float32 [C] of the pixels in [0, 1].
      std: float32 [C].
      calibration: training images uint8 [M, H, W, C]; the first
        `calibration_images` serve `recalibrate`.

    Returns:
      score_population(weights, archs, images, labels): weights are the supernet's
      (params, stats), archs int32 [P, L], images uint8 [N, H, W, C], labels int32 [N];
      the result is the same as scoring the architectures one by one.
    """
    calibration = calibration[: options.calibration_images]
    mean, std = jnp.asarray(mean), jnp.asarray(std)
    mode: Mode = "batch" if options.statistics == "batch" else "running"

    @jit_network
    def score_population(
        weights: Weights,
        archs: jax.Array,
        images: jax.Array,
        labels: jax.Array,
        calibration: jax.Array,
    ) -> Scores:
        order = visiting_order(archs)
        params, stats = weights
        layers = [rows.astype(options.precision) for rows in params["layers"]]
        params = {"fixed": params["fixed"], "layers": layers}
        rows = jax.vmap(functools.partial(take_path, stats))(order.archs)
        if options.statistics == "recalibrate":
            batches = _batches(calibration, options.calibration_batch)
            rows = _calibrate(
                supernet, params, rows, order, normalise(batches, mean, std)
            )

        def run(
            pixels: jax.Array,
            add: Callable[[jax.Array, jax.Array, Any], Any],
            sums: Any,
        ) -> Any:
            def visit(place: jax.Array, logits: jax.Array, _: Slots, sums: Any) -> Any:
                return add(place, logits, sums)

            images = normalise(pixels, mean, std)
            return supernet.visit(
                params, rows, order, images, mode=mode, visitor=visit, carry=sums
            )

        accuracy, loss = _accuracies_and_losses(
            run, len(archs), images, labels, options.score_chunk
        )
        return Scores(accuracy[order.place], loss[order.place])

    def call(
        weights: Weights, archs: Any, images: jax.Array, labels: jax.Array
    ) -> Scores:
        archs = jnp.asarray(archs, jnp.int32)
        chex.assert_shape(archs, (None, supernet.space.num_layers))
        return score_population(weights, archs, images, labels, calibration)

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


def accuracy_and_loss(
    run: Callable[[jax.Array], jax.Array],
    images: jax.Array,
    labels: jax.Array,
    chunk: int,
) -> tuple[jax.Array, jax.Array]:
    """Measures a classifier on a split, a chunk at a time.

    Args:
      run: pixels uint8 [chunk, H, W, C] -> logits [chunk, classes].
      images: uint8 [N, H, W, C].
      labels: int32 [N].
      chunk: images computed at once; bounds memory.

    Returns:
      Accuracy in [0, 1] and mean cross-entropy, scalars. An image whose loss is not
      finite counts as wrong.
    """

    def run_one(pixels: jax.Array, add: AddLogits, sums: Any) -> Any:
        return add(jnp.zeros((), jnp.int32), run(pixels), sums)

    accuracy, loss = _accuracies_and_losses(run_one, 1, images, labels, chunk)
    return accuracy[0], loss[0]


AddLogits = Callable[[jax.Array, jax.Array, Any], Any]


def _accuracies_and_losses(
    run: Callable[[jax.Array, AddLogits, Any], Any],
    num_classifiers: int,
    images: jax.Array,
    labels: jax.Array,
    chunk: int,
) -> tuple[jax.Array, jax.Array]:
    """Measures several classifiers on a split, a chunk at a time.

    Args:
      run: (pixels, add, sums) -> sums; passes a chunk through the classifiers and hands
        the logits of each, with its number, to `add`.
      num_classifiers: how many.
      images: uint8 [N, H, W, C].
      labels: int32 [N].
      chunk: images computed at once; bounds memory.

    Returns:
      Accuracies and mean cross-entropies, [num_classifiers].
    """
    count = len(labels)
    chunk = min(chunk, count)

    def add_chunk(sums: Any, number: jax.Array) -> tuple[Any, None]:
        # The last chunk is filled up with images from the front, which do not count.
        places = number * chunk + jnp.arange(chunk)
        targets = labels[places % count]
        counted = places < count

        def add(classifier: jax.Array, logits: jax.Array, sums: Any) -> Any:
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
            correct = (logits.argmax(axis=-1) == targets) & jnp.isfinite(losses)
            found = jnp.sum(correct & counted), jnp.sum(losses * counted)
            return jax.tree.map(lambda s, f: s.at[classifier].add(f), sums, found)

        return run(images[places % count], add, sums), None

    zeros = (
        jnp.zeros(num_classifiers, jnp.int32),
        jnp.zeros(num_classifiers, jnp.float32),
    )
    num_chunks = -(-count // chunk)
    (correct, loss), _ = jax.lax.scan(add_chunk, zeros, jnp.arange(num_chunks))
    return correct / count, loss / count
