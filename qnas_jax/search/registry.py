"""All strategies by name: the source of flag choices, conformance tests and tables."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from qnas_jax.search.base import Strategy
from qnas_jax.search.bqnas_released import bqnas_released
from qnas_jax.search.entangled import entangled
from qnas_jax.search.guides import Migration
from qnas_jax.search.hamiltonian import hamiltonian
from qnas_jax.search.local_search import local_search
from qnas_jax.search.qbit import qbit
from qnas_jax.search.qudit import contract_towards, qudit, rotate_towards
from qnas_jax.search.random_search import random_search
from qnas_jax.search.regularized_evolution import regularized_evolution

if TYPE_CHECKING:
    from qnas_jax.search.options import SearchOptions


class StrategySpec(NamedTuple):
    """One row of the table of strategies."""

    name: str
    paper: str
    summary: str
    make: "Callable[[tuple[int, ...], SearchOptions], Strategy]"


def _migration(options: "SearchOptions") -> Migration:
    return Migration(
        groups=options.groups,
        local_every=options.local_migration_every,
        global_every=options.global_migration_every,
    )


def _make_qbit(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return qbit(
        num_ops,
        population=options.population,
        rule=options.rule,
        angle=options.angle,
        epsilon=options.epsilon,
        migration=_migration(options),
    )


def _make_qudit(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return qudit(
        num_ops,
        population=options.population,
        gate=functools.partial(rotate_towards, angle=options.angle),
        rule=options.rule,
        epsilon=options.epsilon,
        migration=_migration(options),
    )


def _make_entangled(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return entangled(
        num_ops,
        population=options.population,
        rule=options.rule,
        angle=options.angle,
        coupling=options.coupling,
        epsilon=options.epsilon,
        migration=_migration(options),
    )


def _make_qiga1(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return qbit(
        num_ops,
        population=options.population,
        rule="han_kim_2000",
        angle=options.angle,
        epsilon=0.0,
        migration=Migration(global_every=1),
    )


def _make_qiga2(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return qudit(
        num_ops,
        population=options.population,
        gate=functools.partial(contract_towards, mu=options.mu),
        rule="always",
        epsilon=0.0,
        migration=Migration(global_every=1),
    )


def _make_hamiltonian(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return hamiltonian(
        num_ops,
        population=options.population,
        generations=options.generations,
        options=options,
    )


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


def _make_bqnas(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return bqnas_released(num_ops, population=options.population)


def _make_random(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return random_search(num_ops, population=options.population)


_SPECS = (
    StrategySpec(
        "qbit",
        "Han & Kim 2002, 2004",
        "Q-bit registers, rotation towards guides, migration, H-epsilon gate",
        _make_qbit,
    ),
    StrategySpec(
        "qudit",
        "Han & Kim 2002, K levels",
        "one K-level register a layer, rotation towards guides",
        _make_qudit,
    ),
    StrategySpec(
        "entangled",
        "Han & Kim 2002, coupled layers",
        "K-level registers, each entangled with the next by controlled rotations",
        _make_entangled,
    ),
    StrategySpec(
        "qiga1",
        "Han & Kim 2000",
        "Q-bit registers with the look-up table of five magnitudes",
        _make_qiga1,
    ),
    StrategySpec(
        "qiga2",
        "Nowotniak & Kucharski 2014",
        "K-level registers (four levels: two entangled Q-bits), contraction",
        _make_qiga2,
    ),
    StrategySpec(
        "bqnas_released",
        "Li et al. 2024, public code",
        "what the released code does: it stays at its initial archs",
        _make_bqnas,
    ),
    StrategySpec(
        "hamiltonian",
        "Patil; Baptista & Poloczek 2018",
        "fits a quadratic cost Hamiltonian, minimises a Thompson sample of it",
        _make_hamiltonian,
    ),
    StrategySpec(
        "regularized_evolution",
        "Real et al. 2019",
        "tournament among the youngest, one mutated layer, the oldest dies",
        _make_evolution,
    ),
    StrategySpec(
        "local_search",
        "White et al. 2021",
        "best- or first-improvement over single layers, with restarts",
        _make_local,
    ),
    StrategySpec(
        "random",
        "Li & Talwalkar 2019",
        "uniform random archs",
        _make_random,
    ),
)

STRATEGIES: dict[str, StrategySpec] = {spec.name: spec for spec in _SPECS}
"""Every strategy by its name; `make(num_ops, options)` builds it."""
