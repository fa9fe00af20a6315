"""Registers prepared around a guide from the memory of all evaluations.

One K-level register a layer, all in a product state, observed to propose an arch. The
guide g is the best arch of the present epoch. Instead of being rotated step by step the
registers are prepared anew for each individual, as a superposition in which on average
`flips` layers leave the guide:

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
of a new epoch, of which the best becomes the guide. The memory stays.

Sources: registers and guide: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002); sampling of
the posterior: Thompson, Biometrika 25 (1933); what makes neighbours and restarts
strong: White, Nolen & Savani, UAI 2021. The combination is our own.
"""

import dataclasses
import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.search.base import Strategy
from qnas_jax.search.history import History, empty_history, record
from qnas_jax.search.observation import observe, own_ops
from qnas_jax.search.registers.field import (
    add_evaluation,
    field_mean,
    prior_root,
    sample_fields,
)
from qnas_jax.search.registers.memory import choose_unknown
from qnas_jax.search.registers.ranks import (
    Ranks,
    no_ranks,
    normal_scores,
    rank_scores,
)

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class MemoryRegistersOptions(Options):
    """How `memory_registers` learns, moves and restarts."""

    flips: float = option(1.0, "layers that leave the guide, on average", above=0.0)
    field_strength: float = option(
        2.0, "how strongly memory_registers follows the field", low=0.0
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
        32, "observations of memory_registers, the first new arch is taken", low=1
    )


@flax.struct.dataclass
class MemoryState:
    """Memory and guide."""

    history: History
    ranks: Ranks
    field_root: Array  # [L, K_max, L K_max], root of the field's posterior covariance
    guide: Array  # [L] int32, the best arch of this epoch
    guide_score: Array  # [] float32, -inf while there is none
    start: Array  # [] int32, evaluations before this epoch
    improved: Array  # [] int32, evaluations when the guide became the guide


def flip_probabilities(
    field: Array,
    guide: Array,
    *,
    own: Array | np.ndarray,
    flips: float,
    strength: float,
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


def memory_registers(
    num_ops: tuple[int, ...],
    *,
    population: int,
    capacity: int,
    initial: int,
    options: MemoryRegistersOptions,
) -> Strategy:
    """Makes the strategy.

    Its probabilities are estimated from at least 512 archs asked for with keys of their
    own, since what is left out depends on the memory.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P; each individual has a field of its own and all have one guide.
      capacity: evaluations that are remembered, at least P; older ones give way.
      initial: evaluations in equal superposition at the start of an epoch.
      options: see `MemoryRegistersOptions`.

    Returns:
      The strategy; its state is a `MemoryState`.
    """
    own = own_ops(num_ops)
    uniform = (own / own.sum(axis=1, keepdims=True)).astype(np.float32)
    neighbours = int(own.sum()) - len(num_ops)
    patience = options.restart_after or max(neighbours, 1)
    noise = options.field_noise
    prepare = functools.partial(
        flip_probabilities,
        own=own,
        flips=options.flips,
        strength=options.field_strength,
    )

    def init(key: Array) -> MemoryState:
        del key  # Equal superposition: nothing is random yet.
        return MemoryState(
            history=empty_history(capacity, len(num_ops)),
            ranks=no_ranks(capacity),
            field_root=prior_root(*own.shape, variance=options.field_variance),
            guide=jnp.zeros(len(num_ops), jnp.int32),
            guide_score=jnp.float32(-jnp.inf),
            start=jnp.int32(0),
            improved=jnp.int32(0),
        )

    def ask(key: Array, state: MemoryState) -> Array:
        def guided() -> Array:
            field_key, observe_key = jax.random.split(key)
            root = state.field_root
            targets = normal_scores(state.ranks, state.history)
            mean = field_mean(root, state.history.archs, targets, noise=noise)
            fields = sample_fields(field_key, mean, root, population)
            tables = jax.vmap(prepare, in_axes=(0, None))(fields, state.guide)
            keys = jax.random.split(observe_key, options.draws)
            seen = jax.vmap(observe, in_axes=(0, None), out_axes=1)(keys, tables)
            return choose_unknown(seen, state.history, num_ops)

        def superposed() -> Array:
            table = jnp.tile(jnp.asarray(uniform)[None], (population, 1, 1))
            return observe(key, table)

        ready = state.history.count - state.start >= initial
        return jax.lax.cond(ready & (state.guide_score > -jnp.inf), guided, superposed)

    def learn(state: MemoryState, archs: Array, scores: Array) -> MemoryState:
        def add(root: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
            return add_evaluation(root, *row, noise=noise), None

        rows = archs, jnp.isfinite(scores)
        history = record(state.history, archs, scores)
        winner = jnp.argmax(scores)
        better = scores[winner] > state.guide_score
        improved = jnp.where(better, history.count, state.improved)
        forget = history.count - jnp.maximum(improved, state.start) >= patience
        guide_score = jnp.where(better, scores[winner], state.guide_score)
        return MemoryState(
            history=history,
            ranks=rank_scores(state.ranks, state.history, scores),
            field_root=jax.lax.scan(add, state.field_root, rows)[0],
            guide=jnp.where(better, archs[winner], state.guide),
            guide_score=jnp.where(forget, -jnp.inf, guide_score),
            start=jnp.where(forget, history.count, state.start),
            improved=improved,
        )

    def probabilities(state: MemoryState) -> Array:
        asks = -(-_PROBABILITY_ARCHS // population)
        keys = jax.random.split(jax.random.key(0), asks)
        archs = jax.lax.map(lambda key: ask(key, state), keys)
        return jax.nn.one_hot(archs, own.shape[1]).mean(axis=(0, 1))

    return Strategy(num_ops, population, init, ask, learn, probabilities)
