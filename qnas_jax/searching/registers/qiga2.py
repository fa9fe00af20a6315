"""QIGA-2: registers of several levels, contraction, and one guide for all.

Source: Nowotniak & Kucharski, Higher-order quantum-inspired genetic algorithms, FedCSIS
2014; a register of four levels is their pair of entangled Q-bits.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.registers.angles import adaptive_angle
from qnas_jax.searching.registers.guides import Migration
from qnas_jax.searching.registers.qudit import QuditStrategy
from qnas_jax.searching.spec import GATES, StrategySpec


@dataclasses.dataclass(frozen=True)
class Qiga2Options(Options):
    """How `qiga2` moves its registers."""

    mu: float = option(0.9918, "contraction factor", above=0.0, below=1.0)


class Qiga2(QuditStrategy):
    """Its gate is the contraction."""

    mu: Number

    def gate(self, amplitudes: Array, op: Array, share: Array) -> Array:
        """Contracts [K_max] towards the guide's op []; there is no angle to share."""
        del share
        return contract_towards(amplitudes, op, self.mu)


def contract_towards(amplitudes: Array, op: Array, mu: Number | float) -> Array:
    """Contracts all amplitudes but the guide's, which takes what is left of the norm.

    Args:
      amplitudes: [K_max] non-negative, unit norm.
      op: [] int, the guide's op.
      mu: [] factor in (0, 1).

    Returns:
      [K_max] non-negative, unit norm.
    """
    chosen = jnp.arange(amplitudes.shape[0]) == op
    rest = jnp.where(chosen, 0.0, mu * amplitudes)
    left = jnp.sqrt(jnp.maximum(1.0 - jnp.sum(jnp.square(rest)), 0.0))
    return jnp.where(chosen, left, rest)


def qiga2(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: Qiga2Options,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: the contraction factor.

    Returns:
      The strategy; its state is a `QuditState`.
    """
    del generations
    return Qiga2(
        num_ops,
        population,
        mu=number(options.mu),
        epsilon=number(0.0),
        adaptive=adaptive_angle(),
        rule="always",
        migration=Migration(global_every=1),
    )


SPEC = StrategySpec(
    "qiga2",
    "Nowotniak & Kucharski 2014",
    "K-level registers (four levels: two entangled Q-bits), contraction: not unitary",
    "reproducing published numbers; registers of four levels",
    Qiga2Options,
    qiga2,
    acts_by=GATES,
    population=5,
)
