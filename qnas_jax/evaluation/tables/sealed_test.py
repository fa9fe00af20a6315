"""Test values under seal: read once, for the archs that the searches ended with.

Whoever may look at test values again and again selects by them in the end. So a table
carries none (`table.py`), and these open once: one call with the final archs of all
searches of a report.
"""

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.positions import archs_at, check_size, index_of
from qnas_jax.spaces import SearchSpace

NO_ARCH = -1
"""Stands in all layers where a search had no arch to end with."""


class SealedTest:
    """The test values of a benchmark.

    Attributes:
      name: of the benchmark and its data set, for reports.
      space: what archs are of.
      maximise: whether larger values are better.
    """

    def __init__(
        self,
        name: str,
        space: SearchSpace,
        values: np.ndarray,
        *,
        maximise: bool = True,
    ):
        """Seals the values.

        Args:
          name: of the benchmark and its data set.
          space: what archs are of.
          values: float [N] in the unit of the benchmark, by position; NaN where there
            is none.
          maximise: whether larger values are better.

        Raises:
          UserError: not one value an arch, or no value at all.
        """
        check_size(space)
        if values.shape != (space.size,) or not np.isfinite(values).any():
            raise UserError(
                f"test values of {name}: got {np.isfinite(values).sum()} numbers in an "
                f"array {values.shape}, expected some in ({space.size},)"
            )
        self.name = name
        self.space = space
        self.maximise = maximise
        self._values = values
        self._opened = False

    @property
    def optimum(self) -> float:
        """The best test value of any arch; for the gap to it, not for selection."""
        return self.optimum_of(np.ones(len(self._values), bool))

    def optimum_of(self, allowed: np.ndarray) -> float:
        """The best test value of the archs that count; for the gap to it.

        Args:
          allowed: bool [N], by position.

        Returns:
          NaN if none of them has a value.
        """
        known = self._values[allowed & np.isfinite(self._values)]
        if not len(known):
            return float(np.nan)
        return float(known.max() if self.maximise else known.min())

    @property
    def optimal_arch(self) -> np.ndarray:
        """The first arch with the best test value, int32 [L]."""
        best = np.nanargmax if self.maximise else np.nanargmin
        return archs_at(self.space, best(self._values))

    def open(self, archs: np.ndarray) -> np.ndarray:
        """Reads the test values of final archs, once.

        Args:
          archs: int [..., L], of all searches and budgets of a report together;
            `NO_ARCH` in all layers where a search found nothing.

        Returns:
          float [...] of the type they have, NaN where there is no value.

        Raises:
          RuntimeError: they were read before.
          UserError: these are no archs of the space.
        """
        if self._opened:
            raise RuntimeError(
                f"test values of {self.name}: got a second reading, expected one; hand "
                "over the final archs of all searches together"
            )
        archs = np.asarray(archs)
        absent = np.all(archs == NO_ARCH, axis=-1)
        places = index_of(self.space, np.where(absent[..., None], 0, archs))
        self._opened = True
        values = self._values[places]
        return np.where(absent, np.asarray(np.nan, values.dtype), values)
