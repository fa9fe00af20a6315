"""The rows of the classical strategies."""

from typing import TYPE_CHECKING

from qnas_jax.search.base import Strategy
from qnas_jax.search.classical.local_search import local_search
from qnas_jax.search.classical.random_search import random_search
from qnas_jax.search.classical.regularized_evolution import regularized_evolution
from qnas_jax.search.spec import StrategySpec

if TYPE_CHECKING:
    from qnas_jax.search.options import SearchOptions


def _make_evolution(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return regularized_evolution(
        num_ops,
        population=options.population,
        parents=options.parents,
        tournament=options.tournament,
    )


def _make_local(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return local_search(
        num_ops,
        population=options.population,
        generations=options.generations,
        improvement=options.improvement,
    )


def _make_random(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return random_search(num_ops, population=options.population)


ROWS = (
    StrategySpec(
        "regularized_evolution",
        "Real et al. 2019",
        "tournament among the youngest, one mutated layer, the oldest dies",
        "large spaces, many evaluations, parallel workers",
        _make_evolution,
    ),
    StrategySpec(
        "local_search",
        "White et al. 2021",
        "best- or first-improvement over single layers, with restarts",
        "small spaces without noise",
        _make_local,
    ),
    StrategySpec(
        "random",
        "Li & Talwalkar 2019",
        "uniform random archs",
        "the baseline that every other one has to beat",
        _make_random,
    ),
)
