"""The rows of the strategies that fit a model."""

from typing import TYPE_CHECKING

from qnas_jax.search.base import Strategy
from qnas_jax.search.models.hamiltonian import hamiltonian
from qnas_jax.search.models.predictor import predictor
from qnas_jax.search.spec import StrategySpec

if TYPE_CHECKING:
    from qnas_jax.search.options import SearchOptions


def _make_hamiltonian(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return hamiltonian(
        num_ops,
        population=options.population,
        generations=options.generations,
        options=options,
    )


def _make_predictor(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    evaluations = options.memory or options.generations * options.population
    return predictor(
        num_ops,
        population=options.population,
        capacity=max(evaluations, options.population),
        initial=options.initial,
        targets=options.targets,
        options=options,
    )


ROWS = (
    StrategySpec(
        "hamiltonian",
        "Patil; Baptista & Poloczek 2018",
        "fits a quadratic cost Hamiltonian, minimises a Thompson sample of it",
        "the fewest evaluations, on spaces of some ten thousand archs",
        _make_hamiltonian,
    ),
    StrategySpec(
        "predictor",
        "White et al. 2021",
        "an ensemble of small networks chooses among mutants of the best archs",
        "few evaluations, spaces too irregular for a quadratic model",
        _make_predictor,
    ),
)
