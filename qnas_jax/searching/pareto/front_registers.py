"""Registers that are turned towards a front: gates on amplitudes, several objectives.

The populations of `qbit` and `qudit`, whose guides come from a Pareto archive instead
of from each individual's best arch. Every `new_guides_every` generations each
individual draws a guide from the front (`archive.draw_members`); an individual whose
arch has just entered the front counts as at least as good as its guide, all others as
worse, and by that the rule turns its registers (`pareto_qbit` turns all Q-bits of all
individuals by default: where only those that differ from the guide turn, the first
generations are hardly better than random ones). An arch that was evaluated before is
not observed again, within `observations` attempts. The first archs have each op of a
layer equally often, as an equal superposition has them on average.

Sources: registers, rules and gates: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002) and 8
(2004); fronts as guides: Kim, Kim & Han, Quantum-inspired multiobjective evolutionary
algorithm, CEC 2006.
Differs from the papers in: the archive and what decides who guides.
"""

import dataclasses
import math
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import number
from qnas_jax.searching.history import History, MemoryOptions, empty_history, record
from qnas_jax.searching.observation import balanced_archs
from qnas_jax.searching.pareto.archive import (
    GUIDED_BY,
    Archive,
    draw_members,
    empty_archive,
    insert,
)
from qnas_jax.searching.pareto.dominance import evaluated
from qnas_jax.searching.pareto.strategy import ParetoStrategy
from qnas_jax.searching.registers.angles import adaptive_angle
from qnas_jax.searching.registers.guides import Guides, Migration
from qnas_jax.searching.registers.memory import ask_unknown, known_codes
from qnas_jax.searching.registers.qbit import plain_qbit
from qnas_jax.searching.registers.qudit import QUDIT_RULES, Qudit, check_epsilon
from qnas_jax.searching.registers.rotation import RULES, RotationOptions
from qnas_jax.searching.registers.variations import RegisterStrategy
from qnas_jax.searching.spec import GATES, StrategySpec

_ANGLE = "rotation in radians"
_INITIAL = "evaluations before registers are observed, with each op equally often"


@dataclasses.dataclass(frozen=True)
class FrontRegisterOptions(RotationOptions, MemoryOptions):
    """How registers follow a front."""

    members: int = option(100, "archs of the front that may guide", low=1)
    guided_by: str = option(
        "crowding", "what wins a tournament of guides", choices=GUIDED_BY
    )
    new_guides_every: int = option(
        2, "generations that a guide is followed; 0: to the end", low=0
    )
    observations: int = option(
        32, "times that registers are observed until an arch is new", low=1
    )


@dataclasses.dataclass(frozen=True)
class ParetoQbitOptions(FrontRegisterOptions):
    """How `pareto_qbit` moves its registers."""

    angle: float = option(0.4, _ANGLE, above=0.0, high=math.pi / 2)
    epsilon: float = option(
        0.05, "least probability of a Q-bit's value", low=0.0, below=0.5
    )
    initial: int = option(20, _INITIAL, low=0)
    rule: str = option(
        "always", "which registers are rotated, and where to", choices=RULES
    )


@dataclasses.dataclass(frozen=True)
class ParetoQuditOptions(FrontRegisterOptions):
    """How `pareto_qudit` moves its registers."""

    angle: float = option(1.3, _ANGLE, above=0.0, high=math.pi / 2)
    initial: int = option(10, _INITIAL, low=0)
    rule: str = option(
        "han_kim_2002", "which registers are rotated, and where to", choices=QUDIT_RULES
    )


@flax.struct.dataclass
class FrontRegistersState:
    """Registers, the front that guides them, and what was evaluated."""

    registers: Any  # the inner strategy's, with a field `guides`
    archive: Archive
    history: History
    seed: Array  # [] uint32, of the draws of guides


class FrontRegisters(ParetoStrategy):
    """Registers guided by a front; its state is a `FrontRegistersState`.

    Its probabilities are those of one observation, before what is known is left out.
    """

    initial: int = flax.struct.field(pytree_node=False)  # archs before observations

    inner: RegisterStrategy
    capacity: int = flax.struct.field(pytree_node=False)  # remembered evaluations
    members: int = flax.struct.field(pytree_node=False)  # A of the archive
    guided_by: str = flax.struct.field(pytree_node=False)  # one of `GUIDED_BY`
    period: int = flax.struct.field(pytree_node=False)  # of new guides
    observations: int = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> FrontRegistersState:
        """Equal superposition and an empty front."""
        registers_key, seed_key = jax.random.split(key)
        return FrontRegistersState(
            registers=self.inner.init(registers_key),
            archive=empty_archive(self.members, self.num_layers, self.num_objectives),
            history=empty_history(self.capacity, self.num_layers),
            seed=jax.random.bits(seed_key),
        )

    def ask(self, key: Array, state: FrontRegistersState) -> Array:
        """Observes the registers until an arch is new, int32 [P, L]."""
        observed = self._observed(key, state)
        balanced = balanced_archs(key, self.population, self.num_ops)
        return jnp.where(state.history.count < self.initial, balanced, observed)

    def _observed(self, key: Array, state: FrontRegistersState) -> Array:
        return ask_unknown(
            lambda key: self.inner.ask(key, state.registers),
            key,
            known_codes(state.history, self.num_ops),
            draws=self.observations,
            num_ops=self.num_ops,
        )

    def learn(
        self, state: FrontRegistersState, archs: Array, scores: Array
    ) -> FrontRegistersState:
        """Offers archs [P, L], objectives [P, M] to the front; registers turn to it."""
        archive = insert(state.archive, archs, scores)
        registers = dataclasses.replace(
            state.registers, guides=self._guides(state, archive)
        )
        entered = (archive.objectives[None] == scores[:, None]).all(axis=-1)
        entered &= archive.filled[None]
        standing = jnp.where(entered.any(axis=1), 1.0, -1.0)
        standing = jnp.where(evaluated(scores), standing, -jnp.inf)
        return FrontRegistersState(
            registers=self.inner.learn(registers, archs, standing),
            archive=archive,
            history=record(state.history, archs, scores[:, 0]),
            seed=state.seed,
        )

    def _guides(self, state: FrontRegistersState, archive: Archive) -> Guides:
        """The guides to turn to: those of before, or new ones; their score is 0."""
        before = state.registers.guides
        key = jax.random.fold_in(jax.random.key(state.seed), before.generation)
        places = draw_members(key, archive, self.population, by=self.guided_by)
        new = before.scores == -jnp.inf
        fresh = new | (before.generation % self.period == 0) if self.period else new
        exists = archive.filled.any()
        return Guides(
            archs=jnp.where(fresh[:, None], archive.archs[places], before.archs),
            scores=jnp.where(exists, jnp.zeros(self.population), -jnp.inf),
            generation=before.generation,
        )

    def probabilities(self, state: FrontRegistersState) -> Array:
        """Of one observation, [L, K_max]."""
        return self.inner.probabilities(state.registers)


def _follow_front(
    inner: RegisterStrategy,
    num_objectives: int,
    generations: int,
    options: ParetoQbitOptions | ParetoQuditOptions,
) -> FrontRegisters:
    return FrontRegisters(
        inner.num_ops,
        inner.population,
        num_objectives=num_objectives,
        initial=options.initial,
        inner=inner,
        capacity=options.capacity(inner.population, generations),
        members=options.members,
        guided_by=options.guided_by,
        period=options.new_guides_every,
        observations=options.observations,
    )


def pareto_qbit(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: ParetoQbitOptions,
) -> FrontRegisters:
    """Makes a population of binary registers that follows a front.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M.
      population: P.
      generations: G, with P the size of the memory where options.memory is 0.
      options: see `ParetoQbitOptions`.

    Returns:
      The strategy.
    """
    inner = plain_qbit(
        num_ops,
        population,
        rule=options.rule,
        angle=options.angle,
        epsilon=options.epsilon,
        migration=Migration(),
        adaptive=adaptive_angle("constant", 1.0, generations),
    )
    return _follow_front(inner, num_objectives, generations, options)


def pareto_qudit(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: ParetoQuditOptions,
) -> FrontRegisters:
    """Makes a population of K-level registers that follows a front.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M.
      population: P.
      generations: G, with P the size of the memory where options.memory is 0.
      options: see `ParetoQuditOptions`.

    Returns:
      The strategy.

    Raises:
      UserError: an epsilon that is too large for the space.
    """
    check_epsilon(options.epsilon, num_ops)
    inner = Qudit(
        num_ops,
        population,
        angle=number(options.angle),
        epsilon=number(options.epsilon),
        adaptive=adaptive_angle("constant", 1.0, generations),
        rule=options.rule,
        migration=Migration(),
    )
    return _follow_front(inner, num_objectives, generations, options)


QBIT_SPEC = StrategySpec(
    "pareto_qbit",
    "Han & Kim 2002; Kim, Kim & Han 2006",
    "Q-bit registers, rotation towards members of the front",
    "registers of two values, large populations; gates, several objectives",
    ParetoQbitOptions,
    pareto_qbit,
    acts_by=GATES,
)

QUDIT_SPEC = StrategySpec(
    "pareto_qudit",
    "Han & Kim 2002, K levels; Kim, Kim & Han 2006",
    "one K-level register a layer, rotation towards members of the front",
    "layers of any number of ops; gates, several objectives",
    ParetoQuditOptions,
    pareto_qudit,
    acts_by=GATES,
)
