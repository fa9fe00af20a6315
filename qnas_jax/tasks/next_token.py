"""Loss and metrics of what follows each token: sums over tokens, not over windows."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from qnas_jax.data import PADDING
from qnas_jax.tasks.task import Metric

Sums = tuple[jax.Array, jax.Array]
"""Losses float32 and tokens int32, both scalars."""


def token_losses(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of each token, 0 where there is none.

    Args:
      logits: float [N, T, V].
      targets: int32 [N, T]; `PADDING` where nothing follows.

    Returns:
      In nats, float32 at least [N, T].
    """
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    return jnp.where(targets != PADDING, losses, 0.0)


def mean_over_places(
    logits: jax.Array, targets: jax.Array, smoothing: float
) -> jax.Array:
    """What training minimises: the mean of all places, 0 where nothing follows.

    So the mean over the shares of a batch is that of the batch, whichever share has the
    window that is not full.

    Args:
      logits: float [N, T, V].
      targets: int32 [N, T].
      smoothing: mass spread evenly over all tokens, in [0, 1).

    Returns:
      float [], nats.
    """
    losses = token_losses(logits, targets)
    if smoothing:
        evenly = -jax.nn.log_softmax(logits).mean(axis=-1)
        evenly = jnp.where(targets != PADDING, evenly, 0.0)
        losses = (1 - smoothing) * losses + smoothing * evenly
    return losses.mean()


def _zero() -> Sums:
    return jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32)


def _sums(logits: jax.Array, targets: jax.Array, counted: jax.Array) -> Sums:
    there = (targets != PADDING) & counted[:, None]
    losses = token_losses(logits, targets)
    return jnp.sum(jnp.where(there, losses, 0.0)), jnp.sum(there)


def _of_mean(finish: Callable[[jax.Array], jax.Array]) -> Metric:
    """A function of the mean loss of a token; less is better."""

    def finish_sums(sums: Sums, number: int) -> jax.Array:
        del number
        losses, tokens = sums
        return finish(losses / jnp.maximum(tokens, 1))

    return Metric(larger_is_better=False, zero=_zero, sums=_sums, finish=finish_sums)


TOKEN_LOSS = _of_mean(lambda mean: mean)
"""Mean cross-entropy of a token in nats."""

PERPLEXITY = _of_mean(jnp.exp)
"""As many tokens, equally likely, would be as hard to foretell."""

BITS = _of_mean(lambda mean: mean / math.log(2.0))
"""The same as the loss in bits."""


@jax.jit
def sums_of_windows(
    logits: jax.Array, targets: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Sums over the tokens of each window.

    Args:
      logits: float [N, T, V].
      targets: int32 [N, T].

    Returns:
      Losses in nats, float32 [N], and tokens that they are of, int32 [N].
    """
    there = targets != PADDING
    return token_losses(logits, targets).sum(axis=1), there.sum(axis=1)
