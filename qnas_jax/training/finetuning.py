"""Some steps more for a trained network: Adam at a small rate that falls to zero."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from qnas_jax.kernels import jit_network
from qnas_jax.stopping import Stopped


def trained_on(
    network: nnx.Module,
    inputs: np.ndarray,
    targets: np.ndarray,
    key: jax.Array,
    *,
    loss: Callable[[jax.Array, jax.Array], jax.Array],
    steps: int,
    batch_size: int,
    learning_rate: float,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
    should_stop: Callable[[], bool] = lambda: False,
) -> nnx.State:
    """Trains a network on from the weights that it has.

    Args:
      network: inputs -> logits; not changed.
      inputs: [N, ...], of the training split.
      targets: int32 [N, ...], what it should say of them.
      key: decides which examples each step gets; consumed.
      loss: (logits, targets) -> what is minimised, [].
      steps: of Adam.
      batch_size: examples of a step; at most N are taken.
      learning_rate: at the first step; it falls to 0 as a cosine.
      progress: shows how far the steps are.
      should_stop: asked after every step.

    Returns:
      Its parameters after training, for `nnx.update`.

    Raises:
      Stopped: `should_stop` answered yes; nothing is kept.
    """
    parts: Any = nnx.split(network, nnx.Param, ...)
    graph, params, rest = parts
    rate = optax.cosine_decay_schedule(learning_rate, max(steps, 1))
    optimizer = optax.adam(rate)
    size = min(batch_size, len(inputs))

    def loss_of(params: Any, batch: jax.Array, wanted: jax.Array) -> jax.Array:
        return loss(nnx.merge(graph, params, rest, copy=True)(batch), wanted)

    @functools.partial(jit_network, donate_argnums=(0, 1))
    def step(params: Any, moments: Any, batch: jax.Array, wanted: jax.Array) -> Any:
        slopes = jax.grad(loss_of)(params, batch, wanted)
        updates, moments = optimizer.update(slopes, moments, params)
        return optax.apply_updates(params, updates), moments

    params = jax.tree.map(jnp.copy, params)
    moments = optimizer.init(params)
    for number in progress(range(steps)):
        own = jax.random.fold_in(key, number)
        chosen = np.asarray(jax.random.choice(own, len(inputs), (size,), replace=False))
        params, moments = step(params, moments, inputs[chosen], targets[chosen])
        if should_stop():
            raise Stopped
    trained: nnx.State = params
    return trained
