"""Quantisation-aware fine-tuning: weights that lose less when they are rounded.

The stand-alone network, its normalisation already in its weights, is trained on as its
8-bit form will compute (`fake_quantised`), for some steps of Adam at a small rate that
falls to zero. What comes back are float weights, which are then quantised as any.

Source: Jacob et al., CVPR 2018, section 3. qwix 0.1.8 was tried for it: its quantised
training takes no gradient of depth-wise convolutions.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from qnas_jax.export.fake_quantised import fake_quantise


def finetuned(
    network: nnx.Module,
    images: np.ndarray,
    targets: np.ndarray,
    key: jax.Array,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
) -> nnx.Module:
    """Trains a network on for 8 bits.

    Args:
      network: of the stand-alone source, as it is after training; not changed.
      images: uint8 [N, H, W, C], training ones.
      targets: int32 [N], their classes.
      key: decides which images each step gets; consumed.
      steps: of Adam.
      batch_size: images of a step, at most N.
      learning_rate: at the first step; it falls to 0 as a cosine.

    Returns:
      The same network with other weights.
    """
    rounding = nnx.clone(network)
    fake_quantise(rounding)
    parts: Any = nnx.split(rounding, nnx.Param, ...)
    graph, params, rest = parts
    rate = optax.cosine_decay_schedule(learning_rate, max(steps, 1))
    optimizer = optax.adam(rate)
    size = min(batch_size, len(images))

    def loss(params: Any, batch: jax.Array, labels: jax.Array) -> jax.Array:
        logits = nnx.merge(graph, params, rest, copy=True)(batch)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, moments: Any, batch: jax.Array, labels: jax.Array) -> Any:
        slopes = jax.grad(loss)(params, batch, labels)
        updates, moments = optimizer.update(slopes, moments, params)
        return optax.apply_updates(params, updates), moments

    params = jax.tree.map(jnp.copy, params)
    moments = optimizer.init(params)
    for number in range(steps):
        own = jax.random.fold_in(key, number)
        chosen = np.asarray(jax.random.choice(own, len(images), (size,), replace=False))
        params, moments = step(params, moments, images[chosen], targets[chosen])
    trained = nnx.clone(network)
    nnx.update(trained, params)
    return trained
