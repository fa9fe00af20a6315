"""One row of the table of strategies."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from qnas_jax.search.base import Strategy

if TYPE_CHECKING:
    from qnas_jax.search.options import SearchOptions


class StrategySpec(NamedTuple):
    """What a strategy is called, where it comes from, what it is for.

    Attributes:
      name: value of the flag.
      paper: its source.
      summary: how it works, in one line.
      good_for: when to choose it, in one line.
      make: builds it for a space.
      needs_fidelities: whether it asks for evaluations at several fidelities.
    """

    name: str
    paper: str
    summary: str
    good_for: str
    make: "Callable[[tuple[int, ...], SearchOptions], Strategy]"
    needs_fidelities: bool = False
