"""How far a search has come: its state, kept beside the history.

The history alone is enough to replay a search. The state saves that work, as replaying
a thousand generations takes minutes. It is kept only now and then, so that keeping it
takes no time; what lies between is replayed.
"""

import json
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from qnas_jax.files import remove
from qnas_jax.runs import RowLog, RunError, read_arrays, write_arrays

_MOST_SECONDS = 20.0  # A replay of minutes is not worth what it saves.


class Progress(NamedTuple):
    """A search after some generations.

    Attributes:
      state: its state.
      registers: float32 [g, L, K_max], the probabilities of each generation so far.
    """

    state: Any
    registers: np.ndarray

    @property
    def generation(self) -> int:
        """Generations that are over."""
        return int(self.state.generation)


class KeptProgress:
    """The file of a search's progress."""

    def __init__(
        self,
        path: pathlib.Path,
        fresh: Callable[[], Any],
        logs: Mapping[str, RowLog],
        minutes: float = 1.0,
    ):
        """Nothing is read or written yet.

        Args:
          path: the file.
          fresh: the state before the first generation; it has a field `generation`.
          logs: what the search appends to, by the stage that its rows are of.
          minutes: the longest time between two states, if it is below 20 seconds.
        """
        self._path = path
        self._logs = logs
        self._fresh = fresh
        self._seconds_between = min(60 * minutes, _MOST_SECONDS)
        self._last = time.monotonic()

    def read(self) -> Progress | None:
        """What was kept.

        Returns:
          The newest progress; None if there is none that belongs to this strategy and
          to the first rows of these logs, so that the history has to be replayed.
        """
        if not self._path.exists():
            return None
        leaves, form = jax.tree.flatten(jax.eval_shape(self._fresh))
        names = [f"state_{place}" for place in range(len(leaves))]
        try:
            registers, positions, *found = read_arrays(
                self._path, "registers", "positions", *names
            )
            for stage, position in json.loads(positions.item()).items():
                self._logs[stage].check(position, whole=False)
        except RunError:
            return None
        fits = all(
            leaf.shape == array.shape and leaf.dtype == array.dtype
            for leaf, array in zip(leaves, found, strict=True)
        )
        state = jax.tree.unflatten(form, found)
        if not fits or len(registers) != state.generation:
            return None
        return Progress(jax.tree.map(jax.numpy.asarray, state), registers)

    def write(self, progress: Progress) -> None:
        """Keeps a progress, that of all rows which the logs have."""
        leaves = jax.tree.leaves(progress.state)
        named: dict[str, Any] = {
            f"state_{place}": np.asarray(leaf) for place, leaf in enumerate(leaves)
        }
        positions = {stage: log.position([stage]) for stage, log in self._logs.items()}
        write_arrays(
            self._path,
            registers=progress.registers,
            positions=json.dumps(positions),
            **named,
        )
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._last >= self._seconds_between

    def remove(self) -> None:
        """Nothing is to go on any more."""
        remove(self._path)
