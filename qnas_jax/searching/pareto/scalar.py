"""Several objectives as one score: the weighted product, for any strategy.

    score = accuracy * prod_m (cost_m / target_m)^w_m,
    w_m = below where cost_m <= target_m, else above

With both exponents -0.07, twice the cost is worth as much as 5 % of accuracy; with
below = 0 and above = -1 a target is a soft limit. A single search ends near one place
of the front.

The paper's accuracy is positive. A first objective that is not, such as the negative of
a loss, is divided by the product instead: what is made small then is

    loss * prod_m (cost_m / target_m)^-w_m.

Both are 0 at 0, so this is one rising function of the first objective, whose unit does
not matter; and with exponents of at most 0 more cost never helps. Where 0 means nothing
(a mean of standardised terms, say), costs count by the distance from it.

The other objectives are positive costs, which enter as their negatives. One that is to
be large has target / value in place of cost / target.

Source: Tan et al., MnasNet: Platform-aware neural architecture search for mobile, CVPR
2019, equations 2 and 3.
Differs from the paper in: what is said of scores that are not positive, and of further
objectives that are to be large.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number, sanitise
from qnas_jax.searching.classical.random_search import RandomSearch
from qnas_jax.searching.pareto.strategy import ParetoStrategy
from qnas_jax.searching.registry import STRATEGIES, make_strategy
from qnas_jax.searching.spec import NoOptions, StrategySpec


def weighted_product(
    objectives: Array,
    targets: Sequence[float] | Number,
    *,
    below: Number | float = -0.07,
    above: Number | float = -0.07,
    larger: Sequence[bool] | Array | np.ndarray = (False,),
) -> Array:
    """The score of MnasNet, for a first objective of either sign.

    Args:
      objectives: [..., M], maximised: any score, then negatives of positive costs.
      targets: [M - 1], positive, in the units of the costs.
      below: [] exponent of costs up to their target, at most 0.
      above: [] exponent of costs beyond it, at most 0.
      larger: bool [M - 1], or [1] for all of them: objectives behind the first that are
        no costs but positive and to be large.

    Returns:
      float32 [...], to be maximised; -inf for failed evaluations, and where a cost (or
      what stands for one) is not positive.
    """
    rest = objectives[..., 1:]
    wanted, larger = (
        jnp.broadcast_to(jnp.asarray(each), rest.shape) for each in (targets, larger)
    )
    amounts = jnp.where(larger, rest, -rest)
    legal = jnp.isfinite(objectives).all(axis=-1) & (amounts > 0).all(axis=-1)
    amounts = jnp.where(legal[..., None], amounts, wanted)
    ratio = jnp.where(larger, wanted / amounts, amounts / wanted)
    product = jnp.prod(ratio ** jnp.where(ratio <= 1.0, below, above), axis=-1)
    first = objectives[..., 0]
    score = jnp.where(first > 0, first * product, first / product)
    return jnp.where(legal, score, -jnp.inf).astype(jnp.float32)


class WeightedProduct(ParetoStrategy):
    """A one-objective strategy that sees a weighted product; its state is its own."""

    inner: Strategy
    targets: Number  # [M - 1]
    below: Number
    above: Number
    larger: Array | np.ndarray  # bool [M - 1]

    def init(self, key: Array) -> Any:
        """The strategy's."""
        return self.inner.init(key)

    def ask(self, key: Array, state: Any) -> Array:
        """What the strategy proposes, int32 [P, L]."""
        return self.inner.ask(key, state)

    def learn(self, state: Any, archs: Array, scores: Array) -> Any:
        """Tells the strategy archs [P, L] and the product of objectives [P, M]."""
        product = weighted_product(
            scores,
            self.targets,
            below=self.below,
            above=self.above,
            larger=self.larger,
        )
        return self.inner.learn(state, archs, sanitise(product))

    def aware_of(self, larger: Sequence[bool]) -> Self:
        """Costs behind the first objective, or what is to be large, bool [M]."""
        return dataclasses.replace(self, larger=np.asarray(larger[1:], bool))

    def probabilities(self, state: Any) -> Array:
        """The strategy's, [L, K_max]."""
        return self.inner.probabilities(state)


class RandomFront(ParetoStrategy):
    """Draws archs uniformly; its state is the empty tuple."""

    inner: RandomSearch

    def init(self, key: Array) -> tuple[()]:
        """Nothing."""
        return self.inner.init(key)

    def ask(self, key: Array, state: tuple[()]) -> Array:
        """Uniform archs int32 [P, L]."""
        return self.inner.ask(key, state)

    def learn(self, state: tuple[()], archs: Array, scores: Array) -> tuple[()]:
        """Nothing is learnt from archs [P, L] and objectives [P, M]."""
        del archs, scores
        return state

    def probabilities(self, state: tuple[()]) -> Array:
        """Uniform, [L, K_max]."""
        return self.inner.probabilities(state)


ONE_OBJECTIVE = tuple(
    name for name, spec in STRATEGIES.items() if not spec.needs_fidelities
)
"""Strategies that can see a product."""


@dataclasses.dataclass(frozen=True)
class WeightedProductOptions(Options):
    """What product, and which strategy sees it."""

    strategy: str = option(
        "memory_registers", "search strategy, at its defaults", choices=ONE_OBJECTIVE
    )
    targets: tuple[float, ...] = option(
        (1.0,), "of each further objective, in its unit", of=float, above=0.0
    )
    below: float = option(-0.07, "exponent of costs up to their target", high=0.0)
    above: float = option(-0.07, "exponent of costs beyond it", high=0.0)


def weighted_product_search(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: WeightedProductOptions,
) -> WeightedProduct:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M; the first one is the score.
      population: P.
      generations: G.
      options: see `WeightedProductOptions`.

    Returns:
      The strategy.

    Raises:
      UserError: not one target for each cost.
    """
    targets = options.targets * (num_objectives - 1 if len(options.targets) == 1 else 1)
    if len(targets) != num_objectives - 1:
        raise UserError(
            f"targets: got {len(targets)}, expected one, or one for each of the "
            f"{num_objectives - 1} costs"
        )
    return WeightedProduct(
        num_ops,
        population,
        num_objectives=num_objectives,
        inner=make_strategy(
            options.strategy, num_ops, population=population, generations=generations
        ),
        targets=np.asarray(targets, np.float32),
        below=number(options.below),
        above=number(options.above),
        larger=np.zeros(num_objectives - 1, bool),
    )


def random_front(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: NoOptions,
) -> RandomFront:
    """Makes the baseline.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M.
      population: P.
      generations: nothing depends on it.
      options: none.

    Returns:
      The strategy.
    """
    del generations, options
    inner = RandomSearch(num_ops, population)
    return RandomFront(num_ops, population, num_objectives=num_objectives, inner=inner)


PRODUCT_SPEC = StrategySpec(
    "weighted_product",
    "Tan et al. 2019",
    "any one-objective strategy on score x (cost / target)^w",
    "one network at a target, where no front is asked for",
    WeightedProductOptions,
    weighted_product_search,
)

RANDOM_SPEC = StrategySpec(
    "random",
    "Li & Talwalkar 2019",
    "uniform sampling",
    "the baseline that every strategy has to beat",
    NoOptions,
    random_front,
)
