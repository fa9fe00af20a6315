"""Mutation around a guide, at rates learnt from all evaluations: a classical strategy.

A Bayesian linear regression over the ops of the layers, a Thompson sample of it, a
softmax of mutation rates, a list of what was evaluated, and restarts. The state is a
history, ranks, a guide and the root of a covariance: no amplitude is stored and no gate
acts. The name is that of the first version; the proposals can be written as those of a
product of registers, one a layer, with the square roots of the rates as amplitudes, but
nothing is computed that way.

The guide g is the best arch of the present pursuit (`pursuit`). For each individual the
rates at which layers leave it are drawn anew, on average `flips` of them:

    u ~ posterior of the field given all evaluations              (`field`)
    w_l(k) = flips exp(beta (u_l(k) - u_l(g_l))) / Z              for k != g_l
    P(layer l shows k) = w_l(k),   P(it shows g_l) = 1 - sum_k w_l(k)

with beta the `field_strength` and Z the sum over all layers and ops; w_l is scaled down
where a layer would leave its guide with more than an even chance. Ops of which little
is known get different fields in different samples, so they are tried; ops known to be
bad are not.

Memory: an individual draws `draws` times, and the first arch that was not evaluated yet
is proposed. So the neighbours of a guide are gone through without repeats, the
promising ones first, and once they are known pairs of flips follow.

Restarts: when `restart_after` evaluations in a row did not improve on the guide, it is
forgotten. Archs are uniformly random for the `initial` evaluations of a new pursuit, of
which the best becomes the guide. The memory stays.

Sources: sampling of the posterior: Thompson, Biometrika 25 (1933); what is evaluated is
not proposed again: Glover, ORSA J. Computing 1 (1989); what makes neighbours and
restarts strong: White, Nolen & Savani, UAI 2021. The combination is our own.
"""

import dataclasses
import functools
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.history import (
    History,
    MemoryOptions,
    empty_history,
    record,
    scored,
)
from qnas_jax.searching.observation import (
    observe,
    own_ops,
    probabilities_by_asking,
    uniform_ops,
)
from qnas_jax.searching.registers.field import (
    add_evaluations,
    field_mean,
    prior_root,
    root_of_evaluations,
    sample_fields,
)
from qnas_jax.searching.registers.memory import ask_unknown, known_codes
from qnas_jax.searching.registers.pursuit import (
    Pursuit,
    after_evaluations,
    first_pursuit,
    is_guided,
)
from qnas_jax.searching.registers.ranks import (
    Ranks,
    no_ranks,
    normal_scores,
    rank_scores,
)
from qnas_jax.searching.spec import StrategySpec

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class MemoryRegistersOptions(MemoryOptions):
    """How `memory_registers` learns, moves and restarts."""

    initial: int = option(
        10, "uniformly random evaluations of a pursuit, before a guide", low=1
    )
    flips: float = option(1.0, "layers that leave the guide, on average", above=0.0)
    field_strength: float = option(
        2.0, "how strongly rates of mutation follow the field", low=0.0
    )
    field_variance: float = option(
        0.3, "prior variance of an op's effect, in units of the scores' spread", above=0
    )
    field_noise: float = option(
        0.1, "variance of scores that layers alone do not explain", above=0.0
    )
    restart_after: int = option(
        0,
        "evaluations without improvement until the guide is forgotten; 0: as many as "
        "it has neighbours",
        low=0,
    )
    draws: int = option(
        32, "draws of an individual; the first new arch is taken", low=1
    )


@flax.struct.dataclass
class MemoryState:
    """Memory and guide."""

    history: History
    ranks: Ranks
    field_root: Array  # [L, K_max, L K_max], root of the field's posterior covariance
    pursuit: Pursuit


def flip_probabilities(
    field: Array,
    guide: Array,
    *,
    own: Array | np.ndarray,
    flips: Number,
    strength: Number,
) -> Array:
    """Probabilities of each layer's ops around a guide.

    Args:
      field: [L, K_max].
      guide: int32 [L].
      own: bool [L, K_max], the ops that each layer has.
      flips: [] layers that leave the guide, on average, unless a layer reaches 1/2.
      strength: [] beta.

    Returns:
      [L, K_max] rows of sum 1, zero for ops that a layer lacks.
    """
    at_guide = jax.nn.one_hot(guide, own.shape[1], dtype=bool)
    gain = field - jnp.sum(jnp.where(at_guide, field, 0.0), axis=1, keepdims=True)
    others = own & ~at_guide
    flat = jax.nn.softmax((strength * gain).reshape(-1), where=others.reshape(-1))
    weights = jnp.where(others, flips * flat.reshape(own.shape), 0.0)
    leaving = jnp.sum(weights, axis=1, keepdims=True)
    weights /= jnp.maximum(2.0 * leaving, 1.0)
    return weights + at_guide * (1.0 - jnp.sum(weights, axis=1, keepdims=True))


class _Recalled(NamedTuple):
    """What asking for a generation takes from the memory."""

    mean: Array  # [L, K_max], of the field given all evaluations
    codes: Array  # [M], of what was evaluated


class MemoryRegisters(Strategy):
    """Mutation around a guide at learnt rates; its state is a `MemoryState`.

    Its probabilities are estimated from at least 512 archs asked for with keys of their
    own, since what is left out depends on the memory.
    """

    flips: Number  # layers that leave the guide, on average
    strength: Number  # beta
    variance: Number  # v of the field
    noise: Number  # r of the field
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Whether there are more evaluations than are remembered.
    forgets: bool = flax.struct.field(pytree_node=False)
    # Uniformly random evaluations at the start of a pursuit.
    initial: int = flax.struct.field(pytree_node=False)
    # Evaluations without improvement that end a pursuit.
    patience: int = flax.struct.field(pytree_node=False)
    draws: int = flax.struct.field(pytree_node=False)  # of each individual

    def init(self, key: Array) -> MemoryState:
        """Nothing is known; nothing is random yet."""
        del key
        return MemoryState(
            history=empty_history(self.capacity, self.num_layers),
            ranks=no_ranks(self.capacity),
            field_root=prior_root(
                self.num_layers, max(self.num_ops), variance=self.variance
            ),
            pursuit=first_pursuit(self.num_layers),
        )

    def ask(self, key: Array, state: MemoryState) -> Array:
        """Mutates the guide, or draws at random while there is none, int32 [P, L]."""
        return self._ask(key, state, self._recall(state))

    def _ask(self, key: Array, state: MemoryState, recalled: _Recalled) -> Array:
        ready = is_guided(state.pursuit, state.history.count, initial=self.initial)
        branches = self._guided, self._unguided
        return jax.lax.cond(ready, *branches, key, state, recalled)

    def _unguided(self, key: Array, state: MemoryState, recalled: _Recalled) -> Array:
        del state, recalled
        table = jnp.asarray(uniform_ops(self.num_ops))
        return observe(key, jnp.tile(table[None], (self.population, 1, 1)))

    def _guided(self, key: Array, state: MemoryState, recalled: _Recalled) -> Array:
        field_key, observe_key = jax.random.split(key)
        # Samples of the field given all evaluations, [P, L, K_max].
        fields = sample_fields(
            field_key, recalled.mean, state.field_root, self.population
        )
        prepare = functools.partial(
            flip_probabilities,
            own=own_ops(self.num_ops),
            flips=self.flips,
            strength=self.strength,
        )
        tables = jax.vmap(prepare, in_axes=(0, None))(fields, state.pursuit.guide)
        look = functools.partial(observe, probabilities=tables)
        return ask_unknown(
            look, observe_key, recalled.codes, draws=self.draws, num_ops=self.num_ops
        )

    def _recall(self, state: MemoryState) -> _Recalled:
        """Reads the memory, which takes longer the longer it is."""
        targets = normal_scores(state.ranks, state.history)
        archs = state.history.archs
        return _Recalled(
            field_mean(state.field_root, archs, targets, noise=self.noise),
            known_codes(state.history, self.num_ops),
        )

    def learn(self, state: MemoryState, archs: Array, scores: Array) -> MemoryState:
        """Remembers archs [P, L] and scores [P]; field and guide follow from them."""
        history = record(state.history, archs, scores)
        return MemoryState(
            history=history,
            ranks=rank_scores(state.ranks, state.history, scores),
            field_root=self._learn_root(state.field_root, history, archs, scores),
            pursuit=after_evaluations(
                state.pursuit, archs, scores, history.count, patience=self.patience
            ),
        )

    def _learn_root(
        self, root: Array, history: History, archs: Array, scores: Array
    ) -> Array:
        """The root given all rows of the history, the last of which are new."""
        if not self.forgets:
            known = jnp.isfinite(scores)
            return add_evaluations(root, archs, known, noise=self.noise)
        return root_of_evaluations(
            history.archs,
            scored(history),
            max(self.num_ops),
            variance=self.variance,
            noise=self.noise,
        )

    def probabilities(self, state: MemoryState) -> Array:
        """An estimate [L, K_max] from archs that are asked for."""
        # The memory is read once, and not for each arch that is asked for.
        ask = functools.partial(self._ask, recalled=self._recall(state))
        return probabilities_by_asking(
            ask, state, self.num_ops, self.population, least=_PROBABILITY_ARCHS
        )


def memory_registers(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: MemoryRegistersOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P; each individual has a field of its own and all have one guide.
      generations: G, with P the size of the memory where options.memory is 0.
      options: see `MemoryRegistersOptions`.

    Returns:
      The strategy.
    """
    neighbours = sum(num_ops) - len(num_ops)
    capacity = options.capacity(population, generations)
    return MemoryRegisters(
        num_ops,
        population,
        flips=number(options.flips),
        strength=number(options.field_strength),
        variance=number(options.field_variance),
        noise=number(options.field_noise),
        capacity=capacity,
        forgets=capacity < generations * population,
        initial=options.initial,
        patience=options.restart_after or max(neighbours, 1),
        draws=options.draws,
    )


SPEC = StrategySpec(
    "memory_registers",
    "ours",
    "Bayesian linear regression, whose Thompson samples mutate a guide; restarts",
    "few evaluations, none of them twice; small and large spaces",
    MemoryRegistersOptions,
    memory_registers,
    population=1,
    grows=True,
)
