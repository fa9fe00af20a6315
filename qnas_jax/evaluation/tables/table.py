"""A benchmark's table: every arch was evaluated beforehand, a score is a look-up.

A table holds what a search may see: validation values, training times and costs. The
test values are kept apart (`sealed_test.py`), so that no search can select by them.

Row i of a column belongs to the arch at position i (`positions.py`). An arch that the
table lacks scores NaN, which is a failed evaluation.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import Evaluator
from qnas_jax.evaluation.tables.lookup import METRIC, ORDER, DrawnLookup, FixedLookup
from qnas_jax.evaluation.tables.order import Order, as_float32
from qnas_jax.evaluation.tables.positions import (
    ArrayT,
    archs_at,
    check_size,
    index_of,
)
from qnas_jax.spaces import SearchSpace

Seed = int | str
"""Which training runs a score is taken from: "mean", "random" or the number of a run.

Of an arch with R runs, run number k is its run k modulo R, so that every arch has one.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What is known before a search about all N archs of a space.

    Attributes:
      name: of the benchmark and its data set, for reports.
      space: the layers (or edges) and the names of their ops.
      fidelities: names of the ways to evaluate an arch, the cheapest first.
      validation: by fidelity float [N, R], the validation value of each training run
        in the unit of the benchmark; NaN where there is none.
      train_seconds: by fidelity float [N], the time of one training run; None where
        the benchmark does not say.
      costs: by name (params_million, flops_million, latency_ms/<device>, ...),
        float [N].
      averaged: the fidelities whose one column is a mean over runs which are not known
        singly.
      maximise: whether larger values are better; scores are always maximised.

    Raises:
      UserError: fidelities, columns and space do not fit together.
    """

    name: str
    space: SearchSpace
    fidelities: tuple[str, ...]
    validation: tuple[np.ndarray, ...]
    train_seconds: tuple[np.ndarray | None, ...]
    costs: Mapping[str, np.ndarray]
    averaged: tuple[str, ...] = ()
    maximise: bool = True

    def __post_init__(self) -> None:
        check_size(self.space)
        count = len(self.fidelities)
        if not count or {len(self.validation), len(self.train_seconds)} != {count}:
            raise UserError(
                f"table {self.name}: got {count} fidelities, {len(self.validation)} "
                f"validation and {len(self.train_seconds)} time columns, expected as "
                "many of each, at least one"
            )
        columns = [*self.validation, *self.costs.values()]
        columns += [column for column in self.train_seconds if column is not None]
        lengths = {len(column) for column in columns}
        if lengths != {self.space.size}:
            raise UserError(
                f"table {self.name}: got columns of {sorted(lengths)} archs, expected "
                f"{self.space.size}, the size of the space"
            )

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(K_1, ..., K_L), as strategies want them."""
        return self.space.num_ops

    def index(self, archs: ArrayT) -> ArrayT:
        """Position of archs in the columns.

        Args:
          archs: int [..., L]; NumPy arrays are checked, JAX arrays are not.

        Returns:
          int [...].

        Raises:
          UserError: a NumPy array that holds no archs of the space.
        """
        return index_of(self.space, archs)

    def archs(self, indices: np.ndarray | np.integer) -> np.ndarray:
        """The archs at positions int [...], as int32 [..., L]."""
        return archs_at(self.space, indices)

    def seconds(self, fidelity: str | None = None) -> np.ndarray:
        """Time of one training run in seconds, float [N].

        Args:
          fidelity: one of `fidelities`; None: the highest.

        Raises:
          UserError: there is no such fidelity, or its times are not known.
        """
        found = self.train_seconds[self.place(fidelity)]
        if found is None:
            raise UserError(
                f"table {self.name}: got no training times, expected them for a "
                "budget in train_seconds; count evaluations instead"
            )
        return found

    def scores(self, fidelity: str | None = None, seed: Seed = "mean") -> np.ndarray:
        """Scores of all archs, for reports and for checks by brute force.

        Args:
          fidelity: one of `fidelities`; None: the highest.
          seed: "mean" or the number of a run.

        Returns:
          float [N] of the type of the columns, to be maximised; NaN where there is
          none.

        Raises:
          UserError: there is no such fidelity or run.
        """
        place = self.place(fidelity)
        if seed == "mean":
            return self._means(place)
        runs, counts = self._runs(place)
        most = max(values.shape[1] for values in self.validation)
        if type(seed) is not int or not 0 <= seed < most:
            raise UserError(
                f'seed: got {seed!r}, expected "mean" or the number of a run, '
                f"0 to {most - 1}, of table {self.name}"
            )
        return runs[np.arange(len(runs)), seed % np.maximum(counts, 1)]

    def evaluator(self, fidelity: str | None = None, seed: Seed = "mean") -> Evaluator:
        """Makes an evaluator for a search; it runs under jit, vmap and scan.

        Args:
          fidelity: one of `fidelities`; None: the highest.
          seed: "mean" over an arch's training runs; "random": one of them, drawn anew
            by the key at each evaluation; or the number of a run.

        Returns:
          The evaluator of that fidelity alone.

        Raises:
          UserError: there is no such fidelity or run.
        """
        return self._lookup((self.place(fidelity),), seed)

    def multi_fidelity_evaluator(self, seed: Seed = "mean") -> Evaluator:
        """Makes an evaluator for strategies that ask for cheaper evaluations first.

        Args:
          seed: as for `evaluator`, at every fidelity.

        Returns:
          The evaluator of all fidelities.

        Raises:
          UserError: some fidelity has no such run.
        """
        return self._lookup(tuple(range(len(self.fidelities))), seed)

    def costs_of(self, archs: np.ndarray) -> dict[str, np.ndarray]:
        """What archs int [P, L] cost, by name float [P]."""
        place = self.index(np.asarray(archs))
        return {name: column[place] for name, column in self.costs.items()}

    def place(self, fidelity: str | None) -> int:
        """Place of a fidelity in `fidelities`; None: the highest.

        Raises:
          UserError: there is no such fidelity.
        """
        if fidelity is None:
            return len(self.fidelities) - 1
        if fidelity not in self.fidelities:
            raise UserError(
                f"fidelity: got {fidelity!r}, expected one of "
                f"{', '.join(self.fidelities)} of table {self.name}"
            )
        return self.fidelities.index(fidelity)

    def _lookup(self, places: tuple[int, ...], seed: Seed) -> Evaluator:
        known = [self.train_seconds[place] for place in places]
        times = [column for column in known if column is not None]
        fields: dict[str, Any] = {
            "seconds": (
                np.stack(times).astype(np.float32) if len(times) == len(known) else None
            ),
            "space": self.space,
            "fidelities": tuple(self.fidelities[place] for place in places),
            "larger_is_better": self.maximise,
        }
        values = self._seen(places, seed)
        numbers = self.order(fields["fidelities"], seed).on_device(values)
        nearest = as_float32(values)
        fields["columns"] = {METRIC: nearest}
        if not np.array_equal(numbers, nearest, equal_nan=True):
            fields["columns"][ORDER] = numbers
        if seed != "random":
            return FixedLookup(**fields)
        counts = np.stack([self._runs(place)[1] for place in places]).astype(np.int32)
        return DrawnLookup(counts=counts, **fields)

    def order(self, fidelities: Sequence[str], seed: Seed = "mean") -> Order:
        """How the values that an evaluator knows are told apart on the device.

        Args:
          fidelities: those of the evaluator.
          seed: likewise.

        Returns:
          Turns numbers of the metric that it improves into values of the benchmark.

        Raises:
          UserError: there is no such fidelity or run.
        """
        places = tuple(map(self.place, fidelities))
        most = max(self.validation[place].shape[1] for place in places)
        # Sums over several runs are rounded; single values are what they are.
        noise = most * np.finfo(np.float64).eps if seed == "mean" and most > 1 else 0.0
        return Order.of(self._seen(places, seed), noise)

    def _seen(self, places: tuple[int, ...], seed: Seed) -> np.ndarray:
        """Values in the unit of the benchmark, [F, N], or [F, N, R] of random runs."""
        sign = 1 if self.maximise else -1
        if seed != "random":
            return sign * np.stack(
                [self.scores(self.fidelities[place], seed) for place in places]
            )
        columns = [self._runs(place)[0] for place in places]
        most = max(runs.shape[1] for runs in columns)
        # Columns that do not exist are never drawn.
        missing = [((0, 0), (0, most - runs.shape[1])) for runs in columns]
        return sign * np.stack(
            [
                np.pad(runs, width, constant_values=np.nan)
                for runs, width in zip(columns, missing, strict=True)
            ]
        )

    def _scored(self, place: int) -> np.ndarray:
        values = self.validation[place]
        return values if self.maximise else -values

    def _means(self, place: int) -> np.ndarray:
        """Means over the runs there are, float [N]."""
        scores = self._scored(place)
        known = np.isfinite(scores)
        counts = known.sum(axis=1)
        total = np.where(known, scores, 0).sum(axis=1, dtype=np.float64)
        mean = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
        return mean.astype(scores.dtype)

    def _runs(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores [N, R], the runs that exist in front, and their number [N]."""
        name = self.fidelities[place]
        if name in self.averaged:
            raise UserError(
                f'seed: got a single run, expected "mean": table {self.name} has '
                f"only means over training runs at fidelity {name}"
            )
        scores = self._scored(place)
        known = np.isfinite(scores)
        front = np.argsort(~known, axis=1, kind="stable")
        return np.take_along_axis(scores, front, axis=1), known.sum(axis=1)
