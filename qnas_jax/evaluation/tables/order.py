"""Values in float64 as float32 numbers of the same order, for searches on the device.

float32 keeps 24 bits: losses that differ in the tenth digit would tie. Numbers are the
values as near as float32 can be, and one step apart where it would make different ones
equal. Where that would distort their distances (27 values near 5e9), they are counted
from the smallest.
"""

import dataclasses

import numpy as np

_LIMITS = np.finfo(np.float32)
_LEAST = int(
    np.float32(_LIMITS.tiny).view(np.int32)
)  # the bits of the least normal one
_MOST_SHIFTED = 2.0**-10  # of the range of all values
_SMALL, _LARGE = 2.0**-80, 2.0**80  # ranges between these need no other unit


@dataclasses.dataclass(frozen=True, eq=False)
class Order:
    """Values that differ, and the numbers that stand for them.

    Attributes:
      values: float64 [M], ascending.
      numbers: float32 [M], ascending; none is subnormal.
    """

    values: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, noise: float = 0.0) -> "Order":
        """Finds numbers for values.

        Args:
          values: float [...]; what is not finite is left out.
          noise: relative difference up to which neighbours are equal.

        Returns:
          The order of the values.
        """
        distinct = np.unique(values[np.isfinite(values)].astype(np.float64))
        gaps = np.diff(distinct, prepend=-np.inf)
        distinct = distinct[gaps > noise * np.abs(distinct)]
        return cls(distinct, _numbers(distinct))

    def on_device(self, values: np.ndarray) -> np.ndarray:
        """Numbers for values, float32 [...]; NaN for what is not finite."""
        finite = np.isfinite(values)
        places = np.searchsorted(self.values, values[finite], side="right") - 1
        found = np.full(values.shape, np.nan, np.float32)
        found[finite] = self.numbers[np.maximum(places, 0)]
        return found

    def recorded(self, numbers: np.ndarray) -> np.ndarray:
        """Values that numbers stand for, float64 [...]; others are kept."""
        places = np.searchsorted(self.numbers, numbers)
        places = np.minimum(places, max(len(self.numbers) - 1, 0))
        known = np.isfinite(numbers)
        found = numbers.astype(np.float64)
        found[known] = self.values[places[known]]
        return found


def as_float32(values: np.ndarray) -> np.ndarray:
    """The nearest float32 [...] to numbers [...]; the largest for still larger ones."""
    return np.clip(values, -_LIMITS.max, _LIMITS.max).astype(np.float32)


def _numbers(values: np.ndarray) -> np.ndarray:
    """float32 for float64 [M], both ascending."""
    if len(values) < 2:
        return as_float32(values)
    spread = float(values[-1] / 2 - values[0] / 2)  # half of it cannot overflow
    spread = max(spread, float(np.finfo(np.float64).tiny))
    nearest = as_float32(values)
    numbers = _ascending(nearest)
    shifts = np.abs(numbers - values)
    if (numbers == nearest).all() or (shifts <= _MOST_SHIFTED * spread).all():
        return numbers
    unit = 1.0 if _SMALL < spread < _LARGE else 2.0 ** np.floor(np.log2(spread))
    return _ascending((values / unit - values[0] / unit).astype(np.float32))


def _ascending(numbers: np.ndarray) -> np.ndarray:
    """The nearest float32 numbers that all differ, none of them subnormal."""
    bits = numbers.view(np.int32).astype(np.int64)
    size = np.maximum((bits & 0x7FFFFFFF) - _LEAST + 1, 0)
    counted = np.where(bits < 0, -size, size)  # neighbours differ by one
    place = np.arange(len(counted))
    counted = np.maximum.accumulate(counted - place) + place
    size = np.where(counted == 0, 0, np.abs(counted) + _LEAST - 1).astype(np.int32)
    return np.copysign(size.view(np.float32), counted.astype(np.float32))
