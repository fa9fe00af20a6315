"""What a classifier does with each class: confusion, precision, recall."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from qnas_jax.reporting.wilson import wilson_interval

MOST_IN_TABLE = 30
"""Classes whose confusion is shown as a whole; of more, the commonest mistakes."""
_MOST_MISTAKES = 15
_SHADES = 4


@dataclasses.dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
      name: of the class.
      examples: that have it.
      answers: that name it.
      recall: share of its examples that are recognised, with both ends; None without
        examples.
      precision: share of the answers that are right, with both ends; None without
        answers.
      f1: their harmonic mean; None without either.
    """

    name: str
    examples: int
    answers: int
    recall: tuple[float, float, float] | None
    precision: tuple[float, float, float] | None
    f1: float | None


@dataclasses.dataclass(frozen=True)
class Mistake:
    """So many examples of one class that were taken for another."""

    truth: str
    answer: str
    count: int
    share: float  # of the examples of that class


def class_rows(confusion: np.ndarray, names: Sequence[str]) -> list[ClassRow]:
    """Precision and recall of each class.

    Args:
      confusion: [C, C] counts, true classes by answers.
      names: [C].

    Returns:
      A row a class, in order; intervals are Wilson's, 95 %.
    """
    table = np.rint(np.asarray(confusion, np.float64)).astype(int)
    right, examples, answers = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    rows = []
    for place, name in enumerate(names):
        hits, either = int(right[place]), int(examples[place] + answers[place])
        rows.append(
            ClassRow(
                name,
                int(examples[place]),
                int(answers[place]),
                _share(hits, int(examples[place])),
                _share(hits, int(answers[place])),
                2 * hits / either if either else None,
            )
        )
    return rows


def mistakes(
    confusion: np.ndarray, names: Sequence[str], most: int = _MOST_MISTAKES
) -> list[Mistake]:
    """The commonest mistakes, the commonest first.

    Args:
      confusion: [C, C] counts, true classes by answers.
      names: [C].
      most: how many at most.
    """
    table = np.rint(np.asarray(confusion, np.float64)).astype(int)
    examples = table.sum(axis=1)
    wrong = table - np.diag(table.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(place), len(names)) for place in order]
    return [
        Mistake(names[a], names[b], int(wrong[a, b]), float(wrong[a, b] / examples[a]))
        for a, b in places
        if wrong[a, b]
    ]


def shades(confusion: np.ndarray) -> list[list[int]]:
    """How dark each cell [K, K] is: 0 to 4, by its share of the row; empty: 0."""
    table = np.asarray(confusion, np.float64)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.ceil(_SHADES * shares).astype(int).tolist()


def _share(hits: int, count: int) -> tuple[float, float, float] | None:
    if not count:
        return None
    return hits / count, *wilson_interval(hits / count, count)
