"""The training loss."""

import jax
import optax


def smoothed_cross_entropy(
    logits: jax.Array, labels: jax.Array, smoothing: float
) -> jax.Array:
    """Mean cross-entropy with label smoothing (Szegedy et al. 2016).

    Args:
      logits: float [N, classes].
      labels: int32 [N].
      smoothing: mass spread evenly over all classes, in [0, 1).

    Returns:
      Scalar.
    """
    targets = jax.nn.one_hot(labels, logits.shape[-1])
    targets = optax.smooth_labels(targets, smoothing)
    return optax.softmax_cross_entropy(logits, targets).mean()
