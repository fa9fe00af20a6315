"""All evaluations of a search in a hundred bytes each, found by their architecture.

A search of days makes more of them than can be kept as objects of a kilobyte. So
numbers stand in columns, and words and names, which repeat, are kept once.
"""

import array
import collections
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from qnas_jax.evaluation.evaluation import Evaluation
from qnas_jax.evaluation.known_archs import Arch, KnownArchs


class _Form(NamedTuple):
    """What many evaluations have in common."""

    metrics: tuple[str, ...]
    costs: tuple[str, ...]
    whole: tuple[bool, ...]  # which of these values are of type int
    status: str


class KnownEvaluations(Sequence[Evaluation]):
    """Evaluations in order; those of a search are numbered from 1.

    Attributes:
      newcomers: by generation, the architectures that were evaluated for the first
        time, at whatever fidelity.
    """

    def __init__(self, rows: Iterable[Evaluation] = ()):
        """Starts from some.

        Args:
          rows: evaluations of an earlier part of the run.

        Raises:
          UserError: their architectures differ in length.
        """
        self.newcomers: collections.Counter[int] = collections.Counter()
        self._archs = KnownArchs()
        self._first = array.array("i")  # by architecture, its first evaluation
        self._others: dict[tuple[int, int], int] = {}  # at further fidelities
        self._arch = array.array("i")
        self._fidelity = array.array("i")
        self._generation = array.array("i")
        self._form = array.array("i")
        self._forms: list[_Form] = []
        self._form_numbers: dict[_Form, int] = {}
        self._start = array.array("q", [0])  # in the values: score, metrics, costs
        self._values = array.array("d")
        self._reasons: dict[int, str] = {}
        for row in rows:
            self.add(row)

    def __len__(self) -> int:
        return len(self._arch)

    @overload
    def __getitem__(self, index: int) -> Evaluation: ...

    @overload
    def __getitem__(self, index: slice) -> list[Evaluation]: ...

    def __getitem__(self, index: int | slice) -> Evaluation | list[Evaluation]:
        """An evaluation, made anew from what is kept of it."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return self._made(range(len(self))[index])

    def __iter__(self) -> Iterator[Evaluation]:
        return map(self._made, range(len(self)))

    @property
    def generations(self) -> Sequence[int]:
        """The generation of each."""
        return self._generation

    def find(self, arch: Arch, fidelity: int) -> int:
        """The place of an architecture's evaluation; -1 if there is none."""
        number = self._archs.find(arch)
        if number < 0:
            return -1
        place = self._first[number]
        if self._fidelity[place] == fidelity:
            return place
        return self._others.get((number, fidelity), -1)

    def score(self, place: int) -> float:
        """The score of an evaluation."""
        return self._values[self._start[place]]

    def metric(self, place: int, name: str, absent: float) -> float:
        """A metric of an evaluation; another number if it has none of the name."""
        names = self._forms[self._form[place]].metrics
        if name not in names:
            return absent
        return self._values[self._start[place] + 1 + names.index(name)]

    def add(self, row: Evaluation) -> None:
        """Adds an evaluation, its architecture not yet evaluated at its fidelity."""
        place, number = len(self), self._archs.find(row.arch)
        if number < 0:
            number = self._archs.add(row.arch)
            self._first.append(place)
            self.newcomers[row.generation] += 1
        else:
            self._others[number, row.fidelity] = place
        numbers = [*row.metrics.values(), *row.costs.values()]
        form = _Form(
            tuple(row.metrics),
            tuple(row.costs),
            tuple(isinstance(value, int) for value in numbers),
            row.status,
        )
        self._arch.append(number)
        self._fidelity.append(row.fidelity)
        self._generation.append(row.generation)
        if form not in self._form_numbers:
            self._form_numbers[form] = len(self._forms)
            self._forms.append(form)
        self._form.append(self._form_numbers[form])
        self._values.extend([row.score, *numbers])
        self._start.append(len(self._values))
        if row.reason:
            self._reasons[place] = row.reason

    def _made(self, place: int) -> Evaluation:
        form = self._forms[self._form[place]]
        score, *numbers = self._values[self._start[place] : self._start[place + 1]]
        values = [
            int(value) if whole else value
            for value, whole in zip(numbers, form.whole, strict=True)
        ]
        split = len(form.metrics)
        return Evaluation(
            evaluation=place + 1,
            generation=self._generation[place],
            arch=self._archs[self._arch[place]],
            fidelity=self._fidelity[place],
            score=score,
            metrics=dict(zip(form.metrics, values[:split], strict=True)),
            costs=dict(zip(form.costs, values[split:], strict=True)),
            status=form.status,
            reason=self._reasons.get(place, ""),
        )
