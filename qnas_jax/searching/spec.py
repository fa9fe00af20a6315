"""One row of a table of strategies, and how one of a table is built."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.options import OptionError, Options
from qnas_jax.searching.base import Strategy

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
      population: archs of a generation, where evaluations come one after the other and
        nothing else is said: as few as the strategy can learn from.
      grows: whether the number of generations is only the size of what it remembers, so
        that a larger one changes nothing.
    """

    name: str
    paper: str
    summary: str
    good_for: str
    options: type[Options]
    make: Callable[..., Strategy]
    needs_fidelities: bool = False
    acts_by: str = CLASSICAL
    population: int = 10
    grows: bool = False


def build_strategy(
    specs: Mapping[str, StrategySpec],
    name: str,
    num_ops: tuple[int, ...],
    options: Options | None,
    **sizes: int,
) -> Strategy:
    """Builds a strategy; equal arguments give the same object.

    Args:
      specs: all strategies of a kind by name.
      name: one of them.
      num_ops: (K_1, ..., K_L).
      options: a record `specs[name].options`; its defaults if None.
      **sizes: population, generations, and what else its `make` takes.

    Returns:
      The strategy.

    Raises:
      UserError: an unknown name, another strategy's options, or something that the
        strategy cannot do.
    """
    if name not in specs:
        near = did_you_mean(name, specs)
        raise OptionError("strategy", name, "one of " + ", ".join(specs) + near)
    record = specs[name].options
    options = record() if options is None else options
    if not isinstance(options, record):
        raise UserError(
            f"options of {name}: got {type(options).__name__}, expected "
            f"{record.__name__}"
        )
    return _built(specs[name], tuple(num_ops), options, **sizes)


@functools.lru_cache(maxsize=64)
def _built(
    spec: StrategySpec, num_ops: tuple[int, ...], options: Options, **sizes: int
) -> Strategy:
    return spec.make(num_ops, options=options, **sizes)
