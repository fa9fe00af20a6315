"""The rows of the classical strategies."""

from typing import TYPE_CHECKING

from qnas_jax.search.base import Strategy
from qnas_jax.search.classical.cross_entropy import cross_entropy, pbil
from qnas_jax.search.classical.exhaustive import exhaustive
from qnas_jax.search.classical.genetic_algorithm import genetic_algorithm
from qnas_jax.search.classical.hyperband import hyperband
from qnas_jax.search.classical.local_search import local_search
from qnas_jax.search.classical.random_search import random_search
from qnas_jax.search.classical.regularized_evolution import regularized_evolution
from qnas_jax.search.classical.reinforce import reinforce
from qnas_jax.search.classical.simulated_annealing import simulated_annealing
from qnas_jax.search.classical.successive_halving import successive_halving
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


def _make_annealing(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return simulated_annealing(
        num_ops,
        population=options.population,
        generations=options.generations,
        options=options,
    )


def _make_genetic(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return genetic_algorithm(
        num_ops,
        population=options.population,
        tournament=options.tournament,
        options=options,
    )


def _make_reinforce(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return reinforce(num_ops, population=options.population, options=options)


def _make_cross_entropy(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return cross_entropy(num_ops, population=options.population, options=options)


def _make_pbil(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return pbil(num_ops, population=options.population, options=options)


def _make_halving(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return successive_halving(num_ops, population=options.population, options=options)


def _make_hyperband(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return hyperband(num_ops, population=options.population, options=options)


def _make_exhaustive(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return exhaustive(num_ops, population=options.population, order=options.order)


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
        "simulated_annealing",
        "Kirkpatrick et al. 1983",
        "chains over single layers, worse archs accepted less and less",
        "cheap evaluations and a known budget",
        _make_annealing,
    ),
    StrategySpec(
        "genetic_algorithm",
        "Holland 1975",
        "tournaments, uniform crossover, mutation, elitism",
        "large spaces whose good parts combine; whole populations at once",
        _make_genetic,
    ),
    StrategySpec(
        "reinforce",
        "Williams 1992; Zoph & Le 2017",
        "policy gradient on the logits of each layer, moving-average baseline",
        "comparison with published tables; needs many evaluations",
        _make_reinforce,
    ),
    StrategySpec(
        "cross_entropy",
        "De Boer et al. 2005",
        "a distribution a layer moves towards the elites of the population",
        "layers that matter by themselves, large populations, noise",
        _make_cross_entropy,
    ),
    StrategySpec(
        "pbil",
        "Baluja 1994",
        "a distribution a layer moves towards the best arch, with mutation",
        "the classical twin of Q-bit registers: an ablation of amplitudes",
        _make_pbil,
    ),
    StrategySpec(
        "successive_halving",
        "Jamieson & Talwalkar 2016",
        "many archs at a low fidelity, the best at the next, up to the highest",
        "evaluators with cheap fidelities that rank archs well",
        _make_halving,
        needs_fidelities=True,
    ),
    StrategySpec(
        "hyperband",
        "Li et al. 2018",
        "successive halving that starts at each fidelity in turn",
        "evaluators with cheap fidelities of unknown worth",
        _make_hyperband,
        needs_fidelities=True,
    ),
    StrategySpec(
        "exhaustive",
        "-",
        "all archs once, counting or shuffled, without a list of them",
        "spaces small enough to evaluate as a whole",
        _make_exhaustive,
    ),
    StrategySpec(
        "random",
        "Li & Talwalkar 2019",
        "uniform random archs",
        "the baseline that every other one has to beat",
        _make_random,
    ),
)
