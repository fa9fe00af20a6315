"""One row of the table of strategies."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from qnas_jax.options import Options
from qnas_jax.search.base import Strategy

GATES = "gates on amplitudes"
CIRCUITS_BY_OPTION = "classical; circuits by option"
CLASSICAL = "classical"


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
      acts_by: what its proposals come from: `GATES` where its state holds amplitudes
        (or angles) that gates turn and that are observed; `CIRCUITS_BY_OPTION` where
        only an option that is not the default runs a circuit; otherwise `CLASSICAL`.
        All of them are computed on a classical machine.
    """

    name: str
    paper: str
    summary: str
    good_for: str
    options: type[Options]
    make: Callable[..., Strategy]
    needs_fidelities: bool = False
    acts_by: str = CLASSICAL
