"""Loss and metrics of classification, whatever is classified."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qnas_jax.tasks.task import Metric

_MOST_TOLD_APART = 100  # classes whose confusion fits into a result


def smoothed_cross_entropy(
    logits: jax.Array, labels: jax.Array, smoothing: float
) -> jax.Array:
    """Mean cross-entropy with label smoothing (Szegedy et al. 2016).

    Args:
      logits: float [N, classes].
      labels: int32 [N].
      smoothing: mass spread evenly over all classes, in [0, 1).

    Returns:
      float [], nats.
    """
    targets = jax.nn.one_hot(labels, logits.shape[-1])
    targets = optax.smooth_labels(targets, smoothing)
    return optax.softmax_cross_entropy(logits, targets).mean()


def cross_entropy_to(teacher: jax.Array, logits: jax.Array) -> jax.Array:
    """How far answers are from those of another network.

    Args:
      teacher: float [..., classes], logits.
      logits: float [..., classes].

    Returns:
      float [...], nats: the cross-entropy of `logits` to the teacher's probabilities.
    """
    return optax.softmax_cross_entropy(logits, jax.nn.softmax(teacher))


def _losses(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropies [N]."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def given_answers(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The class that is named of each example.

    Args:
      logits: float [N, classes].
      labels: int32 [N].

    Returns:
      int32 [N]; -1, no answer, where the loss is not finite.
    """
    return jnp.where(jnp.isfinite(_losses(logits, labels)), logits.argmax(axis=-1), -1)


def _count_correct(
    logits: jax.Array, labels: jax.Array, counted: jax.Array
) -> jax.Array:
    return jnp.sum((given_answers(logits, labels) == labels) & counted)


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


def _count_by_class(
    logits: jax.Array, labels: jax.Array, counted: jax.Array
) -> jax.Array:
    """Of each class right answers, examples and answers: float32 [3, classes].

    A loss that is not finite is an answer for no class.
    """
    num_classes = logits.shape[-1]
    answers = logits.argmax(axis=-1)
    given = counted & jnp.isfinite(_losses(logits, labels))
    examples = jax.nn.one_hot(labels, num_classes) * counted[:, None]
    answered = jax.nn.one_hot(answers, num_classes) * given[:, None]
    right = jnp.sum(examples * answered, axis=0)
    return jnp.stack([right, examples.sum(axis=0), answered.sum(axis=0)])


def _from_classes(
    num_classes: int, finish: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
) -> Metric:
    """A metric in [0, 1] of the sums of `_count_by_class`, each [..., classes]."""

    def finish_sums(sums: jax.Array, number: int) -> jax.Array:
        del number
        return finish(*(sums[..., place, :] for place in range(3)))

    return Metric(
        larger_is_better=True,
        zero=lambda: jnp.zeros((3, num_classes), jnp.float32),
        sums=_count_by_class,
        finish=finish_sums,
    )


def balanced_accuracy(num_classes: int) -> Metric:
    """Mean over the classes of the share of each that is classified correctly.

    Classes without an example do not count (Brodersen et al. 2010; as in scikit-learn).

    Args:
      num_classes: C.

    Returns:
      A metric in [0, 1].
    """

    def finish(right: jax.Array, examples: jax.Array, answered: jax.Array) -> jax.Array:
        del answered
        shares = right / jnp.maximum(examples, 1.0)
        return jnp.mean(shares, axis=-1, where=examples > 0)

    return _from_classes(num_classes, finish)


def macro_f1(num_classes: int) -> Metric:
    """Mean over the classes of F1, the harmonic mean of precision and recall.

    Classes that are neither the truth nor the answer of an example do not count, and a
    class that is only one of them has 0 (as in scikit-learn; the mean of the classes'
    F1, not the F1 of mean precision and recall: Opitz & Burst 2019).

    Args:
      num_classes: C.

    Returns:
      A metric in [0, 1].
    """

    def finish(right: jax.Array, examples: jax.Array, answered: jax.Array) -> jax.Array:
        either = examples + answered
        return jnp.mean(2 * right / jnp.maximum(either, 1.0), axis=-1, where=either > 0)

    return _from_classes(num_classes, finish)


def classification_metrics(num_classes: int) -> dict[str, Metric]:
    """What classifiers are judged by, by name.

    Args:
      num_classes: C.

    Returns:
      The metrics, the usual score first.
    """
    return {
        "accuracy": ACCURACY,
        "loss": LOG_LOSS,
        "balanced_accuracy": balanced_accuracy(num_classes),
        "macro_f1": macro_f1(num_classes),
    }


SQUARED_LOSS = Metric(
    larger_is_better=False,
    zero=lambda: jnp.zeros((), jnp.float32),
    sums=lambda logits, labels, counted: jnp.sum(
        _losses(logits, labels) ** 2 * counted
    ),
    finish=_mean,
)
"""Mean squared cross-entropy: with `LOG_LOSS` the deviation of the examples' losses."""


def confusion(num_classes: int) -> Metric:
    """How many examples of each class were given which class as an answer.

    Args:
      num_classes: C.

    Returns:
      What counts float32 [C, C], true classes by answers; where a loss is not finite
      there is no answer, so rows may miss examples.
    """

    def count(logits: jax.Array, labels: jax.Array, counted: jax.Array) -> jax.Array:
        given = counted & jnp.isfinite(_losses(logits, labels))
        answers = jax.nn.one_hot(logits.argmax(axis=-1), num_classes) * given[:, None]
        return jax.nn.one_hot(labels, num_classes).T @ answers

    return Metric(
        larger_is_better=True,
        zero=lambda: jnp.zeros((num_classes, num_classes), jnp.float32),
        sums=count,
        finish=lambda counts, number: counts,
    )


def classification_details(num_classes: int) -> dict[str, Metric]:
    """What a test keeps of classifiers besides the metrics, for intervals.

    Args:
      num_classes: C.

    Returns:
      By name; arrays among them. Of many classes no table of them is kept.
    """
    found = {"squared_loss": SQUARED_LOSS}
    if num_classes <= _MOST_TOLD_APART:
        found["confusion"] = confusion(num_classes)
    return found


def measure_answers(
    answers: np.ndarray, labels: np.ndarray, num_classes: int
) -> dict[str, Any]:
    """The metrics of a classifier that names classes and gives no probabilities.

    Args:
      answers: int [N], the classes that it names.
      labels: int [N], the true ones.
      num_classes: C.

    Returns:
      The metrics by name and what is kept beside them, as numbers and lists; without
      the loss.
    """
    logits = jax.nn.one_hot(jnp.asarray(answers), num_classes)
    truth, counted = jnp.asarray(labels, jnp.int32), jnp.ones(len(labels), bool)
    wanted = {
        **classification_metrics(num_classes),
        **classification_details(num_classes),
    }
    for name in ("loss", "squared_loss"):
        del wanted[name]
    return {
        name: np.asarray(
            metric.finish(metric.sums(logits, truth, counted), len(labels))
        ).tolist()
        for name, metric in wanted.items()
    }
