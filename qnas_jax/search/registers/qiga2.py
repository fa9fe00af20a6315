"""QIGA-2: registers of several levels, contraction, and one guide for all.

Source: Nowotniak & Kucharski, Higher-order quantum-inspired genetic algorithms, FedCSIS
2014; a register of four levels is their pair of entangled Q-bits.
"""

import dataclasses
import functools

from qnas_jax.options import Options, option
from qnas_jax.search.base import Strategy
from qnas_jax.search.registers.guides import Migration
from qnas_jax.search.registers.qudit import contract_towards, qudit
from qnas_jax.search.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class Qiga2Options(Options):
    """How `qiga2` moves its registers."""

    mu: float = option(0.9918, "contraction factor", above=0.0, below=1.0)


def _make(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: Qiga2Options,
) -> Strategy:
    del generations
    return qudit(
        num_ops,
        population=population,
        gate=functools.partial(contract_towards, mu=options.mu),
        rule="always",
        epsilon=0.0,
        migration=Migration(global_every=1),
    )


SPEC = StrategySpec(
    "qiga2",
    "Nowotniak & Kucharski 2014",
    "K-level registers (four levels: two entangled Q-bits), contraction",
    "reproducing published numbers; registers of four levels",
    Qiga2Options,
    _make,
)
