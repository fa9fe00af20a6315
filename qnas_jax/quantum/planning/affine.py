"""Affine maps over bits: what X, CX, SWAP and orders of qubits do to basis indices.

A map sends an index j to offset ^ XOR of columns[b] over the bits b that are one in j
(bit 0 is the least significant). All maps here are one to one.
"""

import dataclasses
import functools

import numpy as np


@dataclasses.dataclass(frozen=True)
class AffineMap:
    """An affine permutation of [0, 2**n).

    Attributes:
      columns: image of each bit, least significant first.
      offset: image of zero.
    """

    columns: tuple[int, ...]
    offset: int = 0

    @property
    def is_identity(self) -> bool:
        """Whether every index stays where it is."""
        bits = tuple(1 << bit for bit in range(len(self.columns)))
        return self.offset == 0 and self.columns == bits

    def inverse(self) -> "AffineMap":
        """The map that undoes this one, by elimination over GF(2)."""
        rows = [(image, 1 << bit) for bit, image in enumerate(self.columns)]
        for bit in range(len(rows)):
            pivot = next(i for i in range(bit, len(rows)) if rows[i][0] >> bit & 1)
            rows[bit], rows[pivot] = rows[pivot], rows[bit]
            image, source = rows[bit]
            rows = [
                (a ^ image, s ^ source) if a >> bit & 1 and i != bit else (a, s)
                for i, (a, s) in enumerate(rows)
            ]
        linear = AffineMap(tuple(source for _, source in rows))
        return AffineMap(linear.columns, linear(self.offset))

    def __call__(self, index: int) -> int:
        """Image of an index."""
        image = self.offset
        for bit, column in enumerate(self.columns):
            if index >> bit & 1:
                image ^= column
        return image

    @functools.cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Images of the high and of the low half of the bits, int32 [2^h] and [2^l].

        The image of an index is table_high[high half] ^ table_low[low half].
        """
        half = len(self.columns) // 2
        low = _images(self.columns[:half])
        return _images(self.columns[half:]) ^ np.int32(self.offset), low


def _images(columns: tuple[int, ...]) -> np.ndarray:
    images = np.zeros(1, np.int32)
    for column in columns:
        images = np.concatenate([images, images ^ np.int32(column)])
    return images
