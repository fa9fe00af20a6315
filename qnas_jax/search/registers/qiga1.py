"""QIGA-1: Q-bits, the look-up table of five magnitudes, and one guide for all.

Source: Han & Kim, Genetic quantum algorithm and its application to combinatorial
optimization problem, CEC 2000: every individual turns towards the best arch so far.
"""

import math

from qnas_jax.search.base import Strategy
from qnas_jax.search.registers.guides import Migration
from qnas_jax.search.registers.qbit import qbit
from qnas_jax.search.spec import NoOptions, StrategySpec


def _make(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: NoOptions,
) -> Strategy:
    del generations, options
    return qbit(
        num_ops,
        population=population,
        rule="han_kim_2000",
        angle=0.05 * math.pi,
        epsilon=0.0,
        migration=Migration(global_every=1),
    )


SPEC = StrategySpec(
    "qiga1",
    "Han & Kim 2000",
    "Q-bit registers with the look-up table of five magnitudes",
    "reproducing published numbers",
    NoOptions,
    _make,
)
