"""Loss and metrics of classification, whatever is classified."""

import jax
import jax.numpy as jnp
import optax

from qnas_jax.tasks.task import Metric


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


def _losses(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropies [N]."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def _count_correct(
    logits: jax.Array, labels: jax.Array, counted: jax.Array
) -> jax.Array:
    correct = (logits.argmax(axis=-1) == labels) & jnp.isfinite(_losses(logits, labels))
    return jnp.sum(correct & counted)


def _sum_losses(logits: jax.Array, labels: jax.Array, counted: jax.Array) -> jax.Array:
    return jnp.sum(_losses(logits, labels) * counted)


def _mean(total: jax.Array, count: int) -> jax.Array:
    return total / count


ACCURACY = Metric(
    larger_is_better=True,
    zero=lambda: jnp.zeros((), jnp.int32),
    sums=_count_correct,
    finish=_mean,
)
"""Share classified correctly, in [0, 1]; a loss that is not finite counts as wrong."""

LOG_LOSS = Metric(
    larger_is_better=False,
    zero=lambda: jnp.zeros((), jnp.float32),
    sums=_sum_losses,
    finish=_mean,
)
"""Mean cross-entropy in nats, without smoothing."""


def balanced_accuracy(num_classes: int) -> Metric:
    """Mean over the classes of the share of each that is classified correctly.

    Classes without an example do not count (Brodersen et al. 2010; as in scikit-learn).

    Args:
      num_classes: C.

    Returns:
      A metric in [0, 1].
    """

    def count(logits: jax.Array, labels: jax.Array, counted: jax.Array) -> jax.Array:
        finite = jnp.isfinite(_losses(logits, labels))
        correct = (logits.argmax(axis=-1) == labels) & finite
        members = jax.nn.one_hot(labels, num_classes) * counted[:, None]
        return jnp.stack([correct.astype(jnp.float32) @ members, members.sum(axis=0)])

    def finish(sums: jax.Array, number: int) -> jax.Array:
        del number
        correct, members = sums[..., 0, :], sums[..., 1, :]
        shares = correct / jnp.maximum(members, 1.0)
        return jnp.mean(shares, axis=-1, where=members > 0)

    return Metric(
        larger_is_better=True,
        zero=lambda: jnp.zeros((2, num_classes), jnp.float32),
        sums=count,
        finish=finish,
    )
