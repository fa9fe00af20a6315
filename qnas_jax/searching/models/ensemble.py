"""An ensemble of multilayer perceptrons on one-hot ops, trained within a program.

Each member maps the indicators x of an arch's ops, one for each layer and op, to

    y(x) = v . relu(W_2 relu(W_1 x + c_1) + c_2) + d

and is trained from random weights of its own by a fixed number of steps of Adam on the
mean absolute error over mini-batches of its own. Members differ by these two alone.

Sources: White, Neiswanger & Savani, BANANAS, AAAI 2021, section 4 (ensembles of fully
connected networks, mean absolute error, learning rate 0.01, batches of 32);
Lakshminarayanan, Pritzel & Blundell, deep ensembles, NeurIPS 2017; He et al., ICCV
2015, initial weights.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number

_SMALLEST_SLOPE = 1e-4
"""Adam's epsilon: slopes that are zero but for rounding move no weight."""


@dataclasses.dataclass(frozen=True)
class EnsembleSizes(Options):
    """Size of the ensemble, and of its training."""

    members: int = option(5, "networks of the ensemble", low=1)
    hidden_units: int = option(20, "width of their two hidden layers", low=1)
    fit_steps: int = option(100, "steps of Adam after each generation", low=1)
    fit_batch: int = option(32, "evaluations of a step", low=1)


@flax.struct.dataclass
class Ensemble:
    """Weights; each field has a leading axis of M members."""

    first: Array  # [M, L K_max, H]
    first_bias: Array  # [M, H]
    second: Array  # [M, H, H]
    second_bias: Array  # [M, H]
    last: Array  # [M, H]
    last_bias: Array  # [M]


def initial_ensemble(
    key: Array, num_ops: tuple[int, ...], sizes: EnsembleSizes
) -> Ensemble:
    """Random weights.

    Args:
      key: consumed.
      num_ops: (K_1, ..., K_L).
      sizes: members and width.

    Returns:
      The ensemble: He-normal weights for the L indicators that are one, zero biases.
    """
    members, width = sizes.members, sizes.hidden_units
    inputs = len(num_ops) * max(num_ops)
    keys = jax.random.split(key, 3)

    def normal(key: Array, shape: tuple[int, ...], active: int) -> Array:
        return np.sqrt(2.0 / active) * jax.random.normal(key, (members, *shape))

    return Ensemble(
        first=normal(keys[0], (inputs, width), len(num_ops)),
        first_bias=jnp.zeros((members, width)),
        second=normal(keys[1], (width, width), width),
        second_bias=jnp.zeros((members, width)),
        last=normal(keys[2], (width,), 2 * width),
        last_bias=jnp.zeros(members),
    )


def predict(ensemble: Ensemble, archs: Array, num_ops: tuple[int, ...]) -> Array:
    """What each member thinks of each arch.

    Args:
      ensemble: M members.
      archs: int32 [C, L].
      num_ops: (K_1, ..., K_L).

    Returns:
      float32 [M, C].
    """
    inputs = one_hot_rows(archs, num_ops)
    return jax.vmap(_forward, in_axes=(0, None))(ensemble, inputs)


def train_ensemble(
    key: Array,
    archs: Array,
    targets: Array,
    known: Array,
    num_ops: tuple[int, ...],
    sizes: EnsembleSizes,
    *,
    learning_rate: Number | float,
) -> Ensemble:
    """Trains all members from new weights.

    Args:
      key: consumed.
      archs: int32 [N, L].
      targets: float32 [N].
      known: bool [N], rows to learn from.
      num_ops: (K_1, ..., K_L).
      sizes: of the ensemble and its training.
      learning_rate: [] of Adam.

    Returns:
      The ensemble; without any known row its weights are without meaning, but finite.
    """
    weights_key, batch_key = jax.random.split(key)
    ensemble = initial_ensemble(weights_key, num_ops, sizes)
    optimizer = optax.adam(jnp.asarray(learning_rate), eps=_SMALLEST_SLOPE)
    inputs = one_hot_rows(archs, num_ops)
    # Known rows first: a uniform number below their count picks one of them.
    order = jnp.argsort(~known)
    shape = (sizes.fit_steps, sizes.members, sizes.fit_batch)
    count = jnp.maximum(jnp.sum(known), 1)
    batches = order[jax.random.randint(batch_key, shape, 0, count)]

    def loss(member: Ensemble, rows: Array) -> Array:
        return jnp.mean(jnp.abs(_forward(member, inputs[rows]) - targets[rows]))

    def step(
        carry: tuple[Ensemble, optax.OptState], rows: Array
    ) -> tuple[tuple[Ensemble, optax.OptState], None]:
        ensemble, moments = carry
        slopes = jax.vmap(jax.grad(loss))(ensemble, rows)
        updates, moments = optimizer.update(slopes, moments)
        return (optax.apply_updates(ensemble, updates), moments), None

    start = ensemble, optimizer.init(ensemble)
    return jax.lax.scan(step, start, batches)[0][0]


def one_hot_rows(archs: Array, num_ops: tuple[int, ...]) -> Array:
    """Indicators of ops, float32 [C, L K_max], for archs int32 [C, L]."""
    return jax.nn.one_hot(archs, max(num_ops)).reshape(len(archs), -1)


def _forward(member: Ensemble, inputs: Array) -> Array:
    """Predictions [C] of one member (fields without M) for indicators [C, L K_max]."""
    hidden = jax.nn.relu(inputs @ member.first + member.first_bias[None])
    hidden = jax.nn.relu(hidden @ member.second + member.second_bias[None])
    return hidden @ member.last + member.last_bias
