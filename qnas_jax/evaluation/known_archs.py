"""Architectures by the million: a byte or so an op, found through a hash table.

A dict of tuples takes half a kilobyte for each.
"""

import array

from qnas_jax.errors import UserError

Arch = tuple[int, ...]


class KnownArchs:
    """Different architectures of one length, numbered as they came."""

    def __init__(self) -> None:
        self._code = "B"  # of an op; a wider one when it does not suffice
        self._layers = 0
        self._ops = array.array(self._code)
        self._slots = _empty_slots(64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Arch:
        first = number * self._layers
        return tuple(self._ops[first : first + self._layers])

    def find(self, arch: Arch) -> int:
        """The number of an architecture; -1 if it is not known."""
        slot = self._slot(self._packed(arch))
        return self._slots[slot]

    def add(self, arch: Arch) -> int:
        """Adds an architecture that is not known, and returns its number.

        Raises:
          UserError: it is not as long as those before it.
        """
        if self._count and len(arch) != self._layers:
            raise UserError(
                f"got an architecture of {len(arch)} layers, expected {self._layers} "
                "as of those before it"
            )
        self._layers = len(arch)
        packed = self._packed(arch)
        self._ops.extend(packed)
        self._slots[self._slot(packed)] = self._count
        self._count += 1
        if 3 * self._count > 2 * len(self._slots):
            self._hash_again(2 * len(self._slots))
        return self._count - 1

    def _packed(self, arch: Arch) -> "array.array[int]":
        try:
            return array.array(self._code, arch)
        except OverflowError:
            self._code = "H" if max(arch) < 2**16 else "I"
            self._ops = array.array(self._code, self._ops)
            self._hash_again(len(self._slots))
            return array.array(self._code, arch)

    def _slot(self, packed: "array.array[int]") -> int:
        """Where the number of an architecture stands, or is to stand."""
        layers, ops, slots = self._layers, self._ops, self._slots
        slot = hash(packed.tobytes()) % len(slots)
        while (number := slots[slot]) >= 0:
            if ops[number * layers : (number + 1) * layers] == packed:
                break
            slot = (slot + 1) % len(slots)
        return slot

    def _hash_again(self, size: int) -> None:
        self._slots = _empty_slots(size)
        for number in range(self._count):
            first = number * self._layers
            self._slots[self._slot(self._ops[first : first + self._layers])] = number


def _empty_slots(size: int) -> "array.array[int]":
    return array.array("i", [-1]) * size
