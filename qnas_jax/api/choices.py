"""What may be searched by a function: a space, or choices as Python writes them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.options import shown
from qnas_jax.spaces import SearchSpace

Space = SearchSpace | Mapping[str, Sequence[Any]] | Sequence[Sequence[Any]]
"""A space; or choices by name; or the choices of each place."""

_FORMS = (
    "a SearchSpace, choices by name such as {'depth': [1, 2, 3], 'op': ['conv', "
    "'skip']}, or a list of choices for each place"
)


@dataclasses.dataclass(frozen=True)
class Choices:
    """A space and what its architectures mean to the user.

    Attributes:
      space: what is searched.
      values: for each place what its ops stand for.
      names: of the places; empty where architectures are tuples.
    """

    space: SearchSpace
    values: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, space: Space) -> "Choices":
        """Reads a space in one of its forms.

        Args:
          space: see `Space`.

        Returns:
          The choices; architectures of a mapping are dicts, all others tuples.

        Raises:
          UserError: it is none of these forms, has no choices, or has one twice.
        """
        if isinstance(space, SearchSpace):
            return cls(space, space.choices)
        names: tuple[str, ...] = ()
        places: Any = space
        if isinstance(space, Mapping):
            names, places = tuple(map(str, space)), space.values()
        try:
            if isinstance(space, str):
                raise TypeError
            values = tuple(_values(place) for place in places)
        except TypeError:
            got = f"{type(space).__name__} {shown(space)}"
            raise UserError(f"space: got {got}, expected {_FORMS}") from None
        labels = tuple(tuple(map(_label, place)) for place in values)
        return cls(SearchSpace("choices", labels), values, names)

    def decode(self, arch: Sequence[int]) -> Any:
        """What op numbers stand for: a dict where places have names, else a tuple."""
        found = tuple(values[op] for values, op in zip(self.values, arch, strict=True))
        return dict(zip(self.names, found, strict=True)) if self.names else found


def _values(place: Any) -> tuple[Any, ...]:
    if isinstance(place, str | Mapping):
        raise TypeError
    if isinstance(place, np.ndarray):
        place = place.tolist()
    return tuple(place)


def _label(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str) else shown(value)
