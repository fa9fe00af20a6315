"""Sentences as examples: numbers of their words, and which words are known.

A sentence is cut into words and single punctuation marks (`WORDS`) of its text in lower
case, and is int32 [T]: a number for each, then 0. 1 is any word that is unknown. Known
are the most frequent words of the training split, whatever the other splits hold.
"""

import dataclasses
import itertools
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qnas_jax.data.dataset import (
    LANGUAGE,
    Dataset,
    SourceSplits,
    Split,
    sorted_classes,
)
from qnas_jax.reading import check_unpacked, size_on_disk

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
"""What the first two numbers stand for; no sentence yields such words."""

WORDS = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
"""Letters, digits and underscores, also around apostrophes; or one other sign."""


class LabelledText(NamedTuple):
    """Sentences of one file, as they were found.

    Attributes:
      sentences: the words of each, at least one.
      labels: a class each.
      notes: what a user should know of how the file was read.
    """

    sentences: Sequence[Sequence[str]]
    labels: Sequence[str]
    notes: tuple[str, ...] = ()


def words_of(sentence: str) -> list[str]:
    """Words and punctuation marks of a sentence, in lower case."""
    return WORDS.findall(sentence.lower())


def source_of_text(
    name: str, found: dict[str, LabelledText], path: pathlib.Path, max_tokens: int
) -> SourceSplits:
    """A source from the sentences of its splits, in which every word has a number.

    Args:
      name: of the data set.
      found: by split, `train` among them.
      path: of the files, whose size says how large the arrays may become.
      max_tokens: words of a sentence that are kept.

    Returns:
      The source; sentences are as long as the longest one of all.

    Raises:
      UserError: arrays that are far larger than the files.
    """
    every = [each for part in found.values() for each in part.sentences]
    longest = max(map(len, every), default=0)
    length = min(longest, max_tokens)
    check_unpacked(path, 4 * length * len(every), size_on_disk(path))
    labels = itertools.chain(*(part.labels for part in found.values()))
    classes = sorted_classes(labels)
    numbers = {word: number for number, word in enumerate(SPECIAL)}
    splits = {
        split: Split(
            _numbered(part.sentences, numbers, length),
            np.array([classes.index(label) for label in part.labels], np.int32),
        )
        for split, part in found.items()
    }
    notes = [note for part in found.values() for note in part.notes]
    cut = sum(len(each) > length for each in every)
    if cut:
        notes.append(
            f"{cut} of {len(every)} sentences are cut to {length} of up to {longest} "
            "words (data.max_tokens)"
        )
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        classes,
        tuple(dict.fromkeys(notes)),
        tuple(numbers),
    )


def with_vocabulary(dataset: Dataset, most: int) -> Dataset:
    """Keeps the most frequent words of the training split; all others are unknown.

    Of running text a token that is seen once is unknown too: it is to be predicted as
    an unknown one, of which nothing would be learnt without.

    Args:
      dataset: of text, or of running text.
      most: words that are kept; of equally frequent ones the first by letters.

    Returns:
      The data set with other numbers: the most frequent word is 2.
    """
    counts = np.bincount(dataset.train.inputs.ravel(), minlength=len(dataset.words))
    runs = dataset.kind == LANGUAGE
    seen = [
        number
        for number in range(len(SPECIAL), len(dataset.words))
        if counts[number] > runs
    ]
    kept = sorted(seen, key=lambda number: (-counts[number], dataset.words[number]))
    kept = kept[:most]
    new = np.full(len(dataset.words), UNKNOWN, np.int32)
    new[PADDING] = PADDING
    new[kept] = np.arange(len(SPECIAL), len(SPECIAL) + len(kept))
    train, valid, test = (
        Split(new[split.inputs], new[split.targets] if runs else split.targets)
        for split in (dataset.train, dataset.valid, dataset.test)
    )
    words = (*SPECIAL, *(dataset.words[number] for number in kept))
    return dataclasses.replace(
        dataset, train=train, valid=valid, test=test, words=words
    )


def _numbered(
    sentences: Sequence[Sequence[str]], numbers: dict[str, int], length: int
) -> np.ndarray:
    """Sentences as int32 [N, T]; a new word gets the next number (in place)."""
    rows = np.full((len(sentences), length), PADDING, np.int32)
    for row, sentence in zip(rows, sentences, strict=True):
        kept = sentence[:length]
        row[: len(kept)] = [numbers.setdefault(word, len(numbers)) for word in kept]
    return rows
