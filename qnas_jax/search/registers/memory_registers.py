"""Registers prepared around a guide from the memory of all evaluations.

One K-level register a layer, all in a product state, observed to propose an arch. The
guide g is the best arch of the present pursuit (`pursuit`). Instead of being rotated
step by step the registers are prepared anew for each individual, as a superposition in
which on average `flips` layers leave the guide:

    u ~ posterior of the field given all evaluations              (`field`)
    w_l(k) = flips exp(beta (u_l(k) - u_l(g_l))) / Z              for k != g_l
    |psi_l> = sqrt(1 - sum_k w_l(k)) |g_l> + sum_k sqrt(w_l(k)) |k>

with beta the `field_strength` and Z the sum over all layers and ops; w_l is scaled down
where a layer would leave its guide with more than an even chance. These are the weights
of imaginary time evolution of the equal superposition of the guide's neighbours under
the field, for a time beta / 2. Ops of which little is known get different fields in
different samples, so they are tried; ops known to be bad are not.

Memory: registers are observed `draws` times, and the first arch that was not evaluated
yet is proposed. So the neighbours of a guide are gone through without repeats, the
promising ones first, and once they are known pairs of flips follow.

Catastrophe: when `restart_after` evaluations in a row did not improve on the guide, it
is forgotten. The registers go back to equal superposition for the `initial` evaluations
of a new pursuit, of which the best becomes the guide. The memory stays.

Sources: registers and guide: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002); sampling of
the posterior: Thompson, Biometrika 25 (1933); what makes neighbours and restarts
strong: White, Nolen & Savani, UAI 2021. The combination is our own.
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
from qnas_jax.search.base import Number, Strategy, number
from qnas_jax.search.history import History, MemoryOptions, empty_history, record
from qnas_jax.search.observation import (
    observe,
    own_ops,
    probabilities_by_asking,
    uniform_ops,
)
from qnas_jax.search.registers.field import (
    add_evaluations,
    field_mean,
    prior_root,
    sample_fields,
)
from qnas_jax.search.registers.memory import ask_unknown, known_codes
from qnas_jax.search.registers.pursuit import (
    Pursuit,
    after_evaluations,
    first_pursuit,
    is_guided,
)
from qnas_jax.search.registers.ranks import (
    Ranks,
    no_ranks,
    normal_scores,
    rank_scores,
)
from qnas_jax.search.spec import StrategySpec

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class MemoryRegistersOptions(MemoryOptions):
    """How `memory_registers` learns, moves and restarts."""

    initial: int = option(
        10, "evaluations of a pursuit in equal superposition, before a guide", low=1
    )
    flips: float = option(1.0, "layers that leave the guide, on average", above=0.0)
    field_strength: float = option(
        2.0, "how strongly registers follow the field", low=0.0
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
        32, "observations of an individual; the first new arch is taken", low=1
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
    """Probabilities of the registers' levels around a guide.

    Args:
      field: [L, K_max].
      guide: int32 [L].
      own: bool [L, K_max], the ops that each layer has.
      flips: layers that leave the guide, on average, unless a layer reaches 1/2.
      strength: beta.

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
    """Registers prepared anew around a guide; its state is a `MemoryState`.

    Its probabilities are estimated from at least 512 archs asked for with keys of their
    own, since what is left out depends on the memory.
    """

    flips: Number  # layers that leave the guide, on average
    strength: Number  # beta
    variance: Number  # v of the field
    noise: Number  # r of the field
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Evaluations in superposition at the start of a pursuit.
    initial: int = flax.struct.field(pytree_node=False)
    # Evaluations without improvement that end a pursuit.
    patience: int = flax.struct.field(pytree_node=False)
    draws: int = flax.struct.field(pytree_node=False)  # observations of each individual

    def init(self, key: Array) -> MemoryState:
        """Equal superposition; nothing is random yet."""
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
        """Observes around the guide, or in superposition while there is none."""
        return self._ask(key, state, self._recall(state))

    def _ask(self, key: Array, state: MemoryState, recalled: _Recalled) -> Array:
        ready = is_guided(state.pursuit, state.history.count, initial=self.initial)
        branches = self._guided, self._superposed
        return jax.lax.cond(ready, *branches, key, state, recalled)

    def _superposed(self, key: Array, state: MemoryState, recalled: _Recalled) -> Array:
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
        """Remembers a generation, learns the field from it and follows its guide."""
        history = record(state.history, archs, scores)
        known = jnp.isfinite(scores)
        return MemoryState(
            history=history,
            ranks=rank_scores(state.ranks, state.history, scores),
            field_root=add_evaluations(
                state.field_root, archs, known, noise=self.noise
            ),
            pursuit=after_evaluations(
                state.pursuit, archs, scores, history.count, patience=self.patience
            ),
        )

    def probabilities(self, state: MemoryState) -> Array:
        """An estimate."""
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
    return MemoryRegisters(
        num_ops,
        population,
        flips=number(options.flips),
        strength=number(options.field_strength),
        variance=number(options.field_variance),
        noise=number(options.field_noise),
        capacity=options.capacity(population, generations),
        initial=options.initial,
        patience=options.restart_after or max(neighbours, 1),
        draws=options.draws,
    )


SPEC = StrategySpec(
    "memory_registers",
    "ours",
    "K-level registers around a guide, weighted by all evaluations; restarts",
    "few evaluations, none of them twice; small and large spaces",
    MemoryRegistersOptions,
    memory_registers,
)
