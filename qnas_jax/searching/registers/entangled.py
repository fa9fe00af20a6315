"""Search on entangled registers: a chain state for each individual.

Every individual holds a chain of registers (`register_chain`). Learning turns it by
two gates a layer towards the guide's op: a local rotation, by the same angle whatever
the layer before is, and an entangling one, controlled by the layer before being at its
guide's op. `coupling` shares the angle between them: at 0 the registers stay in a
product and the strategy is `qudit`; at 1 only the rows that guides pass through turn.

Sources: guides and rule: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002); learning
neighbours jointly is the idea of MIMIC (De Bonet, Isbell & Viola, NIPS 1996).
Differs from the papers in: registers of any number of levels that are coupled by
controlled rotations; a pair is rotated where either of its two ops differs.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.observation import own_ops
from qnas_jax.searching.registers.angles import AdaptiveAngle
from qnas_jax.searching.registers.guides import (
    Guides,
    Migration,
    MigrationOptions,
    no_guides,
    store,
)
from qnas_jax.searching.registers.qudit import (
    QUDIT_RULES,
    check_epsilon,
    keep_levels_open,
    rotate_towards,
)
from qnas_jax.searching.registers.register_chain import (
    marginals,
    observe_chain,
    previous_ops,
    uniform_chain,
)
from qnas_jax.searching.registers.rotation import RotationOptions
from qnas_jax.searching.registers.variations import (
    RegisterStrategy,
    VariationOptions,
    vary,
)
from qnas_jax.searching.registers.x_gate import random_steps, shift_chain
from qnas_jax.searching.spec import GATES, StrategySpec


@dataclasses.dataclass(frozen=True)
class EntangledOptions(RotationOptions, MigrationOptions, VariationOptions):
    """How `entangled` moves its chains."""

    rule: str = option(
        "han_kim_2002", "which registers are rotated, and where to", choices=QUDIT_RULES
    )
    coupling: float = option(
        0.5, "share of the rotation that entangles neighbours", low=0.0, high=1.0
    )


@flax.struct.dataclass
class EntangledState:
    """Chains and guides of the population."""

    chains: Array  # [P, L, K_max, K_max], unit rows, the row is the layer before's op
    guides: Guides


def turns(
    arch: Array, guide: Array, num_levels: int, *, local: Number, entangling: Number
) -> Array:
    """The angle by which each row of one chain turns, by the rule of 2002.

    Args:
      arch: int32 [L], what the individual evaluated; it scored worse than its guide.
      guide: int32 [L].
      num_levels: K_max.
      local: [] radians, of the rotation whatever the layer before is.
      entangling: [] radians, of the one controlled by the layer before.

    Returns:
      [L, K_max] radians, indexed by layer and by the op before.
    """
    differs = arch != guide
    before = previous_ops(guide)
    pair_differs = differs | (previous_ops(arch) != before)
    passed = jnp.arange(num_levels)[None, :] == before[:, None]
    everywhere = differs * local
    return everywhere[:, None] + jnp.where(
        passed, (pair_differs * entangling)[:, None], 0.0
    )


def turn_chain(
    chain: Array, guide: Array, angles: Array, own: Array, *, epsilon: Number
) -> Array:
    """Turns every row towards the guide's op and keeps all ops of the layer open.

    Args:
      chain: [L, K_max, K_max] unit rows.
      guide: int32 [L].
      angles: [L, K_max] radians.
      own: bool [L, K_max], the ops that each layer has.
      epsilon: [] least probability of an op, given the op before.

    Returns:
      [L, K_max, K_max] unit rows.
    """

    def turn_row(row: Array, angle: Array, op: Array, levels: Array) -> Array:
        turned = rotate_towards(row, op, angle)
        return keep_levels_open(jnp.where(angle > 0, turned, row), levels, epsilon)

    turn_rows = jax.vmap(turn_row, in_axes=(0, 0, None, None))
    return jax.vmap(turn_rows)(chain, angles, guide, own)


def distance_from(chain: Array, guide: Array) -> Array:
    """Probability [L] that a layer leaves the guide, if the layer before shows it.

    Args:
      chain: [L, K_max, K_max] unit rows.
      guide: int32 [L].
    """
    layers = jnp.arange(len(guide))
    return 1.0 - jnp.square(chain[layers, previous_ops(guide), guide])


class Entangled(RegisterStrategy):
    """The search on entangled registers; its state is an `EntangledState`."""

    local: Number  # radians of the gate within a layer
    entangling: Number  # radians of the gate between a layer and the one before
    epsilon: Number  # least probability of an op, given the op before
    adaptive: AdaptiveAngle
    rule: str = flax.struct.field(pytree_node=False)  # one of `QUDIT_RULES`
    migration: Migration = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> EntangledState:
        """Equal superposition; nothing is random yet."""
        del key
        chain = jnp.asarray(uniform_chain(self.num_ops))
        return EntangledState(
            chains=jnp.tile(chain[None], (self.population, 1, 1, 1)),
            guides=no_guides(self.population, self.num_layers),
        )

    def ask(self, key: Array, state: EntangledState) -> Array:
        """Observes each chain jointly, int32 [P, L]."""
        keys = jax.random.split(key, self.population)
        return jax.vmap(observe_chain)(keys, state.chains)

    def _update(
        self,
        chain: Array,
        arch: Array,
        score: Array,
        guide: Array,
        guide_score: Array,
        share: Array,
    ) -> Array:
        if self.rule == "always":  # As if every layer differed.
            arch, moves = jnp.full_like(guide, -1), guide_score > -jnp.inf
        else:
            moves = score < guide_score
        own = jnp.asarray(own_ops(self.num_ops))
        angles = turns(
            arch, guide, own.shape[1], local=self.local, entangling=self.entangling
        )
        angles = jnp.where(moves, share[:, None] * angles, 0.0)
        return turn_chain(chain, guide, angles, own, epsilon=self.epsilon)

    def learn(
        self, state: EntangledState, archs: Array, scores: Array
    ) -> EntangledState:
        """Turns the chains that the rule names, and stores archs [P, L], scores [P].

        A register's distance from its guide's op is taken given the guide's op of the
        layer before.
        """
        guides = state.guides
        distance = jax.vmap(distance_from)(state.chains, guides.archs)
        share = self.adaptive.share(guides, scores, distance)
        chains = jax.vmap(self._update)(
            state.chains, archs, scores, guides.archs, guides.scores, share
        )
        return EntangledState(
            chains=chains,
            guides=store(guides, archs, scores, migration=self.migration),
        )

    def probabilities(self, state: EntangledState) -> Array:
        """Marginals of the chains, [L, K_max]."""
        return jax.vmap(marginals)(state.chains).mean(axis=0)

    def mutate(
        self, key: Array, state: EntangledState, probability: Number
    ) -> EntangledState:
        """Shifts the levels of registers with a `probability` []; consumes the key."""
        levels = jnp.asarray(self.num_ops)
        steps = random_steps(key, state.guides, levels, probability=probability)
        shift_all = jax.vmap(shift_chain, in_axes=(0, 0, None))
        return dataclasses.replace(state, chains=shift_all(state.chains, steps, levels))


def entangled(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: EntangledOptions,
) -> Strategy:
    """Makes the strategy with its variations.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: G, over which a falling angle falls.
      options: rule `always` (wherever there is a guide) or `han_kim_2002` (only where
        an individual that scored worse than its guide differs from it), angle (of the
        local and the entangling gate together), coupling (share of the latter), epsilon
        (least probability of an op given the op before, in [0, 1 / K_max)), migration
        and variations.

    Returns:
      The strategy.

    Raises:
      UserError: an epsilon that is too large for the space.
    """
    check_epsilon(options.epsilon, num_ops)
    strategy = Entangled(
        num_ops,
        population,
        local=number((1 - options.coupling) * options.angle),
        entangling=number(options.coupling * options.angle),
        epsilon=number(options.epsilon),
        adaptive=options.adaptive_angle(generations),
        rule=options.rule,
        migration=options.migration(),
    )
    return vary(strategy, options, generations=generations)


SPEC = StrategySpec(
    "entangled",
    "Han & Kim 2002, coupled layers",
    "K-level registers, each entangled with the next by controlled rotations",
    "layers that interact, few ops each",
    EntangledOptions,
    entangled,
    acts_by=GATES,
    population=5,
)
