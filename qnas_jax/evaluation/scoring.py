"""Scores a population of subnets with inherited weights in one compiled call.

Architectures are visited one after the other and images in chunks, so memory is bounded
by one chunk of one subnet however large the population is. Repeated architectures are
found inside the call and scored once. The obvious alternative, `vmap` over
architectures, runs every op of every layer (`experiments/bench_scoring_forms.py`).
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
from qnas_jax.kernels import compiler_options
from qnas_jax.nets import Mode, Slots, Supernet, gather
from qnas_jax.options import Options, option

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
    forward = functools.partial(_logits, supernet, jnp.asarray(mean), jnp.asarray(std))

    @functools.partial(jax.jit, compiler_options=compiler_options())
    def score_population(
        weights: Weights,
        archs: jax.Array,
        images: jax.Array,
        labels: jax.Array,
        calibration: jax.Array,
    ) -> Scores:
        def score(arch: jax.Array) -> tuple[jax.Array, jax.Array]:
            params, stats = (gather(slots, arch) for slots in weights)
            if options.statistics == "recalibrate":
                stats = _calibrate(
                    forward, params, stats, arch, calibration, options.calibration_batch
                )
            mode: Mode = "batch" if options.statistics == "batch" else "running"

            def run(pixels: jax.Array) -> jax.Array:
                return forward(params, stats, arch, pixels, mode=mode)[0]

            return accuracy_and_loss(run, images, labels, options.score_chunk)

        accuracy, loss = _map_distinct(score, archs)
        return Scores(accuracy, loss)

    def call(
        weights: Weights, archs: Any, images: jax.Array, labels: jax.Array
    ) -> Scores:
        archs = jnp.asarray(archs, jnp.int32)
        chex.assert_shape(archs, (None, supernet.space.num_layers))
        return score_population(weights, archs, images, labels, calibration)

    return call


def _logits(
    supernet: Supernet,
    mean: jax.Array,
    std: jax.Array,
    params: Slots,
    stats: Slots,
    arch: jax.Array,
    pixels: jax.Array,
    *,
    mode: Mode,
) -> tuple[jax.Array, Slots]:
    images = normalise(pixels, mean, std)
    return supernet.apply(params, stats, arch, images, mode=mode)


def _calibrate(
    forward: Callable[..., tuple[jax.Array, Slots]],
    params: Slots,
    stats: Slots,
    arch: jax.Array,
    images: jax.Array,
    batch_size: int,
) -> Slots:
    """Averages the statistics of the calibration batches for one subnet."""
    batch_size = min(batch_size, len(images))
    batches = images[: len(images) // batch_size * batch_size]
    batches = batches.reshape(-1, batch_size, *images.shape[1:])

    def add_batch(total: Slots, batch: jax.Array) -> tuple[Slots, None]:
        _, found = forward(params, stats, arch, batch, mode="batch")
        return jax.tree.map(jnp.add, total, found), None

    zero = jax.tree.map(jnp.zeros_like, stats)
    total, _ = jax.lax.scan(add_batch, zero, batches)
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
    count = len(labels)
    chunk = min(chunk, count)
    num_chunks = -(-count // chunk)

    def add_chunk(
        totals: tuple[jax.Array, jax.Array], number: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        # The last chunk is filled up with images from the front, which do not count.
        places = number * chunk + jnp.arange(chunk)
        targets = labels[places % count]
        logits = run(images[places % count])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
        correct = (logits.argmax(axis=-1) == targets) & jnp.isfinite(losses)
        counted = places < count
        correct_sum = totals[0] + jnp.sum(correct & counted)
        return (correct_sum, totals[1] + jnp.sum(losses * counted)), None

    zero = (jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32))
    (correct, loss), _ = jax.lax.scan(add_chunk, zero, jnp.arange(num_chunks))
    return correct / count, loss / count


def _map_distinct(
    score: Callable[[jax.Array], tuple[jax.Array, jax.Array]], archs: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Applies `score` to each distinct row, and gives repeated rows its result."""
    same = jnp.all(archs[:, None] == archs[None], axis=-1)
    first = same.argmax(axis=1)
    repeated = first != jnp.arange(len(archs))
    order = jnp.argsort(repeated, stable=True)
    num_distinct = jnp.sum(~repeated)

    def visit(
        position: jax.Array, results: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        place = order[position]
        accuracy, loss = score(archs[place])
        return results[0].at[place].set(accuracy), results[1].at[place].set(loss)

    zero = jnp.zeros(len(archs), jnp.float32)
    accuracy, loss = jax.lax.fori_loop(0, num_distinct, visit, (zero, zero))
    return accuracy[first], loss[first]
