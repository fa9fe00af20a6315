"""The rows of the strategies on quantum registers."""

import functools
from typing import TYPE_CHECKING

from qnas_jax.search.base import Strategy
from qnas_jax.search.registers.bqnas_released import bqnas_released
from qnas_jax.search.registers.entangled import entangled
from qnas_jax.search.registers.guides import Migration
from qnas_jax.search.registers.memory_registers import memory_registers
from qnas_jax.search.registers.qbit import qbit
from qnas_jax.search.registers.qudit import contract_towards, qudit, rotate_towards
from qnas_jax.search.registers.variations import vary
from qnas_jax.search.spec import StrategySpec

if TYPE_CHECKING:
    from qnas_jax.search.options import SearchOptions


def _migration(options: "SearchOptions") -> Migration:
    return Migration(
        groups=options.groups,
        local_every=options.local_migration_every,
        global_every=options.global_migration_every,
    )


def _capacity(options: "SearchOptions") -> int:
    """Evaluations that are remembered."""
    remembered = options.memory or options.generations * options.population
    return max(remembered, options.population)


def _make_qbit(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    strategy = qbit(
        num_ops,
        population=options.population,
        rule=options.rule,
        angle=options.angle,
        epsilon=options.epsilon,
        migration=_migration(options),
        adaptive=options.adaptive_angle(options.generations),
    )
    return vary(strategy, options, capacity=_capacity(options))


def _make_qudit(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    strategy = qudit(
        num_ops,
        population=options.population,
        gate=functools.partial(rotate_towards, angle=options.angle),
        rule=options.rule,
        epsilon=options.epsilon,
        migration=_migration(options),
        adaptive=options.adaptive_angle(options.generations),
    )
    return vary(strategy, options, capacity=_capacity(options))


def _make_entangled(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    strategy = entangled(
        num_ops,
        population=options.population,
        rule=options.rule,
        angle=options.angle,
        coupling=options.coupling,
        epsilon=options.epsilon,
        migration=_migration(options),
        adaptive=options.adaptive_angle(options.generations),
    )
    return vary(strategy, options, capacity=_capacity(options))


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


def _make_memory(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return memory_registers(
        num_ops,
        population=options.population,
        capacity=_capacity(options),
        initial=options.initial,
        options=options,
    )


def _make_bqnas(num_ops: tuple[int, ...], options: "SearchOptions") -> Strategy:
    return bqnas_released(num_ops, population=options.population)


ROWS = (
    StrategySpec(
        "qbit",
        "Han & Kim 2002, 2004",
        "Q-bit registers, rotation towards guides, migration, H-epsilon gate",
        "registers of two values, large populations; the classic",
        _make_qbit,
    ),
    StrategySpec(
        "qudit",
        "Han & Kim 2002, K levels",
        "one K-level register a layer, rotation towards guides",
        "layers of any number of ops",
        _make_qudit,
    ),
    StrategySpec(
        "entangled",
        "Han & Kim 2002, coupled layers",
        "K-level registers, each entangled with the next by controlled rotations",
        "layers that interact, few ops each",
        _make_entangled,
    ),
    StrategySpec(
        "memory_registers",
        "ours",
        "K-level registers around a guide, weighted by all evaluations; restarts",
        "few evaluations, none of them twice; small and large spaces",
        _make_memory,
    ),
    StrategySpec(
        "qiga1",
        "Han & Kim 2000",
        "Q-bit registers with the look-up table of five magnitudes",
        "reproducing published numbers",
        _make_qiga1,
    ),
    StrategySpec(
        "qiga2",
        "Nowotniak & Kucharski 2014",
        "K-level registers (four levels: two entangled Q-bits), contraction",
        "reproducing published numbers; registers of four levels",
        _make_qiga2,
    ),
    StrategySpec(
        "bqnas_released",
        "Li et al. 2024, public code",
        "what the released code does: it stays at its initial archs",
        "an ablation: what its observation by threshold costs",
        _make_bqnas,
    ),
)
