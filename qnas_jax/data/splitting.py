"""Stratified splits and subsets: each class is divided in the same ratio.

Splits come out in a random order fixed by the seed, so that any prefix of one is a
fair sample, also where the source lists its examples class by class. Of running text
the end is held out, and subsets are windows of it in a random order.
"""

import dataclasses

import numpy as np

from qnas_jax.data.dataset import Dataset, SourceSplits, Split
from qnas_jax.errors import UserError
from qnas_jax.options import Options, option

# One random stream for each purpose: changing max_train moves no validation example.
_STREAMS = ("test", "valid", "max_train", "max_valid", "max_test")


@dataclasses.dataclass(frozen=True)
class SplittingOptions(Options):
    """What is held out, and how many examples are used."""

    valid_fraction: float = option(
        0.2,
        "share of the training split held out where the source has no valid split",
        above=0,
        below=1,
    )
    test_fraction: float = option(
        0.2, "share held out where the source has no test split", above=0, below=1
    )
    split_seed: int = option(0, "seed of every split and subset", low=0, below=2**32)
    max_train: int = option(0, "stratified subset of the train split; 0: all", low=0)
    max_valid: int = option(0, "stratified subset of the valid split; 0: all", low=0)
    max_test: int = option(0, "stratified subset of the test split; 0: all", low=0)


def assemble(source: SourceSplits, options: SplittingOptions) -> Dataset:
    """Holds out what the source does not offer itself, then takes the subsets.

    Examples without classes are drawn as if all were of one.

    Raises:
      UserError: a split would be empty, or the result is no valid `Dataset`.
    """
    draw = _Drawing(source.name, bool(source.class_names), options)
    train = _Part.whole(source.train)
    valid = None if source.valid is None else _Part.whole(source.valid)
    test = None if source.test is None else _Part.whole(source.test)
    if test is None:
        train, test = draw.hold_out(train, "test")
    if valid is None:
        train, valid = draw.hold_out(train, "valid")
    return Dataset(
        source.name,
        draw.subset(train, "max_train").examples(),
        draw.subset(valid, "max_valid").examples(),
        draw.subset(test, "max_test").examples(),
        source.class_names,
        source.words,
    )


@dataclasses.dataclass(frozen=True)
class _Part:
    """Examples of a split by number: they are copied once, when all is drawn."""

    split: Split
    indices: np.ndarray  # int64 [M]

    @classmethod
    def whole(cls, split: Split) -> "_Part":
        return cls(split, np.arange(len(split)))

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def targets(self) -> np.ndarray:
        return self.split.targets[self.indices]

    def take(self, places: np.ndarray) -> "_Part":
        return _Part(self.split, self.indices[places])

    def examples(self) -> Split:
        return self.split.take(self.indices)


@dataclasses.dataclass(frozen=True)
class _Drawing:
    """Draws examples of a source, by classes where there are such."""

    name: str
    has_classes: bool
    options: SplittingOptions

    def hold_out(self, part: _Part, stream: str) -> tuple[_Part, _Part]:
        """What is kept and what is held out for the split of that name.

        Raises:
          UserError: one of them would be empty.
        """
        options = self.options
        fractions = {"valid": options.valid_fraction, "test": options.test_fraction}
        fraction = fractions[stream]
        num_held = round(fraction * len(part))
        if not 0 < num_held < len(part):
            raise UserError(
                f"{self.name}: data.{stream}_fraction {fraction} of {len(part)} "
                f"examples is {num_held}, expected 1..{len(part) - 1}: change it"
            )
        if part.split.targets.ndim > 1:  # windows of a text: its end is held out
            kept, held = np.split(np.arange(len(part)), [len(part) - num_held])
        else:
            held, kept = self._divide(part, num_held, stream)
        return part.take(kept), part.take(held)

    def subset(self, part: _Part, limit: str) -> _Part:
        """As many as the option says; 0: all."""
        size = min(getattr(self.options, limit) or len(part), len(part))
        chosen, _ = self._divide(part, size, limit)
        return part.take(chosen)

    def _divide(
        self, part: _Part, num_drawn: int, stream: str
    ) -> tuple[np.ndarray, np.ndarray]:
        seeds = [self.options.split_seed, _STREAMS.index(stream)]
        labels = part.targets if self.has_classes else np.zeros(len(part), np.int32)
        return divide(labels, num_drawn, np.random.default_rng(seeds))


def divide(
    labels: np.ndarray, num_drawn: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws exactly `num_drawn` examples, in every class the same share of it.

    The shares are rounded by the method of largest remainders, so that each class is
    within one example of its share.

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
