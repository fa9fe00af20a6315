"""QIGA-1: Q-bits, the look-up table of five magnitudes, and one guide for all.

Source: Han & Kim, Genetic quantum algorithm and its application to combinatorial
optimization problem, CEC 2000: every individual turns towards the best arch so far.
"""

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.registers.angles import adaptive_angle
from qnas_jax.searching.registers.guides import Migration
from qnas_jax.searching.registers.qbit import plain_qbit
from qnas_jax.searching.registers.rotation import HALF_PI
from qnas_jax.searching.spec import GATES, NoOptions, StrategySpec


def qiga1(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: NoOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: none, the table states all angles.

    Returns:
      The strategy; its state is a `QbitState`.
    """
    del generations, options
    return plain_qbit(
        num_ops,
        population,
        rule="han_kim_2000",
        angle=HALF_PI,
        epsilon=0.0,
        migration=Migration(global_every=1),
        adaptive=adaptive_angle(),
    )


SPEC = StrategySpec(
    "qiga1",
    "Han & Kim 2000",
    "Q-bit registers with the look-up table of five magnitudes",
    "reproducing published numbers",
    NoOptions,
    qiga1,
    acts_by=GATES,
    population=5,
)
