"""Adaptive rotation angles: which share of the full angle each register turns by.

With s the least share and everything in [0, 1]:

    constant    1
    falling     1 - (1 - s) t / (G - 1)               t generations are over
    gap         s + (1 - s) (f_g - f) / (f_g - f_min)  score f against its guide's f_g,
                                                      f_min the worst of the population
    distance    s + (1 - s) (1 - P(g))                P(g): the register shows its guide

So `falling` takes large steps first and small ones later, `gap` lets those turn most
that score worst, and `distance` slows a register down before it has converged.

Sources: falling: Lahoz-Beltra, Computers 5 (2016) 24, and the R package QGA, from 0.05
pi to 0.025 pi; gap: the self-adaptive angle of Wang, Liu, Zhi & Fu, Math. Probl. Eng.
2013, 730749, is one such rule; distance: Zhang & Gao, ICMLC 2007, let the amplitudes
of a Q-bit decide. Differs from the papers in: shares of one full angle, in units that
do not depend on the scale of the scores.
"""

import flax.struct
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number, number
from qnas_jax.searching.registers.guides import Guides
from qnas_jax.value import Value

ANGLE_RULES = ("constant", "falling", "gap", "distance")


class AdaptiveAngle(Value):
    """How the angle adapts.

    Attributes:
      rule: one of `ANGLE_RULES`.
      generations: G, over which the angle falls; later it stays.
      least: s, the least share of the angle, in (0, 1].
      span: 1 - s.
    """

    rule: str = flax.struct.field(pytree_node=False)
    generations: int = flax.struct.field(pytree_node=False)
    least: Number
    span: Number

    def share(self, guides: Guides, scores: Array, distance: Array) -> Array:
        """The share of the angle.

        Args:
          guides: of the population, before the present generation is stored.
          scores: float32 [P], finite or -inf.
          distance: [..., P, L], probability that a register, or a Q-bit of it, does not
            show its guide's value.

        Returns:
          In [s, 1], the shape of `distance`.
        """
        if self.rule == "falling":
            last = max(self.generations - 1, 1)
            part = 1.0 - jnp.minimum(guides.generation / last, 1.0)
        elif self.rule == "gap":
            part = relative_gap(guides.scores, scores)[:, None]
        elif self.rule == "distance":
            part = distance
        else:
            return jnp.ones_like(distance)
        share = self.least + self.span * part
        return jnp.broadcast_to(share.astype(distance.dtype), distance.shape)


def adaptive_angle(
    rule: str = "constant", least: float = 1.0, generations: int = 1
) -> AdaptiveAngle:
    """Makes a rule for the angle.

    Args:
      rule: one of `ANGLE_RULES`.
      least: s, in (0, 1].
      generations: G.

    Returns:
      The rule.
    """
    return AdaptiveAngle(rule, generations, number(least), number(1.0 - least))


def relative_gap(guide_scores: Array, scores: Array) -> Array:
    """How far each individual is behind its guide.

    Args:
      guide_scores: float32 [P], -inf where there is no guide.
      scores: float32 [P], finite or -inf.

    Returns:
      [P] in [0, 1]: 0 at the guide's score or above it, 1 for the worst finite score
      of the population and for failures.
    """
    finite = jnp.isfinite(scores)
    worst = jnp.min(jnp.where(finite, scores, jnp.inf))
    known = finite & jnp.isfinite(guide_scores)
    span = jnp.where(known, guide_scores - worst, 1.0)
    gap = jnp.where(known, guide_scores - scores, 1.0)
    return jnp.clip(gap / jnp.where(span > 0, span, 1.0), 0.0, 1.0)
