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
      Scalar.
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


def _window_sums(
    logits: jax.Array, targets: jax.Array, counted: jax.Array
) -> jax.Array:
    """Over windows of losses l and tokens n: sums of l, n, l l, l n, n n, float32."""
    there = (targets != PADDING) & counted[:, None]
    losses = jnp.where(there, token_losses(logits, targets), 0.0).sum(axis=1)
    tokens = there.sum(axis=1).astype(losses.dtype)
    products = losses, tokens, losses**2, losses * tokens, tokens**2
    return jnp.stack([each.sum() for each in products])


def _squared_loss(sums: jax.Array, number: int) -> jax.Array:
    """The mean loss L of a token squared, and the variance of the windows' around it.

    Of a ratio of sums (Cochran 1977, section 2.11): windows deviate by l - L n, in
    units of the mean number of tokens.
    """
    losses, tokens, square, mixed, own = jnp.moveaxis(sums, -1, 0)
    mean = losses / jnp.maximum(tokens, 1.0)
    deviations = square - 2 * mean * mixed + mean**2 * own
    return mean**2 + number * deviations / jnp.maximum(tokens, 1.0) ** 2


SQUARED_LOSS = Metric(
    larger_is_better=False,
    zero=lambda: jnp.zeros(5, jnp.float32),
    sums=_window_sums,
    finish=_squared_loss,
)
"""With `TOKEN_LOSS` the deviation of the windows' losses: tokens of one are no
independent examples."""
