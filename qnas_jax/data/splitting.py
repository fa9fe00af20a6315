"""Stratified splits and subsets: each class is divided in the same ratio.

Splits come out in a random order fixed by the seed, so that any prefix of one is a
fair sample, also where the source lists its images class by class.
"""

import numpy as np

from qnas_jax.data.dataset import Dataset, SourceSplits, Split, make_dataset
from qnas_jax.data.options import DataOptions
from qnas_jax.errors import UserError

# One random stream for each purpose: changing max_train moves no validation image.
_STREAMS = ("test", "valid", "max_train", "max_valid", "max_test")


def assemble(source: SourceSplits, options: DataOptions) -> Dataset:
    """Holds out what the source does not offer itself, then takes the subsets.

    Raises:
      UserError: a split would be empty, or the result is no valid `Dataset`.
    """
    train, valid, test = source.train, source.valid, source.test
    if test is None:
        train, test = _hold_out(source.name, train, "test", options)
    if valid is None:
        train, valid = _hold_out(source.name, train, "valid", options)
    return make_dataset(
        source.name,
        _subset(train, "max_train", options),
        _subset(valid, "max_valid", options),
        _subset(test, "max_test", options),
        source.class_names,
    )


def divide(
    labels: np.ndarray, num_drawn: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws exactly `num_drawn` examples, in every class the same share of it.

    The shares are rounded by the method of largest remainders, so that each class is
    within one image of its share.

    Args:
      labels: int [N].
      num_drawn: 0..N.
      rng: consumed.

    Returns:
      The drawn and the other indices, int64 [num_drawn] and [N - num_drawn]; disjoint,
      together 0..N-1, each in random order.
    """
    order = rng.permutation(len(labels))
    _, classes, counts = np.unique(
        labels[order], return_inverse=True, return_counts=True
    )
    quotas = counts * num_drawn / len(labels)
    drawn_counts = np.floor(quotas).astype(np.int64)
    missing = num_drawn - drawn_counts.sum()
    drawn_counts[np.argsort(drawn_counts - quotas, kind="stable")[:missing]] += 1
    # Position of each example among those of its class, in the random order.
    by_class = np.argsort(classes, kind="stable")
    rank = np.empty(len(labels), np.int64)
    rank[by_class] = np.arange(len(labels)) - np.repeat(
        np.cumsum(counts) - counts, counts
    )
    drawn = rank < drawn_counts[classes]
    return order[drawn], order[~drawn]


def _hold_out(
    name: str, split: Split, stream: str, options: DataOptions
) -> tuple[Split, Split]:
    fractions = {"valid": options.valid_fraction, "test": options.test_fraction}
    fraction = fractions[stream]
    num_held = round(fraction * len(split))
    if not 0 < num_held < len(split):
        raise UserError(
            f"{name}: {stream}_fraction {fraction} of {len(split)} images is "
            f"{num_held}, expected 1..{len(split) - 1}: change {stream}_fraction"
        )
    held, kept = divide(split.labels, num_held, _generator(stream, options))
    return split.take(kept), split.take(held)


def _subset(split: Split, limit: str, options: DataOptions) -> Split:
    size = min(getattr(options, limit) or len(split), len(split))
    chosen, _ = divide(split.labels, size, _generator(limit, options))
    return split.take(chosen)


def _generator(stream: str, options: DataOptions) -> np.random.Generator:
    return np.random.default_rng([options.split_seed, _STREAMS.index(stream)])
