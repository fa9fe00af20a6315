"""One row of the table of strategies."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from qnas_jax.options import Options
from qnas_jax.search.base import Strategy


@dataclasses.dataclass(frozen=True)
class NoOptions(Options):
    """Of strategies that have nothing to set."""


class StrategySpec(NamedTuple):
    """What a strategy is called, where it comes from, what it is for.

    Attributes:
      name: value of the flag, and of the group of its options.
      paper: its source.
      summary: how it works, in one line.
      good_for: when to choose it, in one line.
      options: the record of the options that it reads.
      make: `make(num_ops, population=, generations=, options=)` builds it for a space,
        a population and a number of generations; `options` is such a record.
      needs_fidelities: whether it asks for evaluations at several fidelities.
    """

    name: str
    paper: str
    summary: str
    good_for: str
    options: type[Options]
    make: Callable[..., Strategy]
    needs_fidelities: bool = False
