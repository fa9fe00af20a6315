"""Loss and metrics of classification by hand and in NumPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.tasks import (
    ACCURACY,
    LOG_LOSS,
    balanced_accuracy,
    classification_details,
    macro_f1,
    measure_answers,
    smoothed_cross_entropy,
)


def test_by_hand():
    logits = jnp.log(jnp.float32([[3.0, 1.0]]))  # probabilities 3/4 and 1/4
    labels = jnp.int32([0])
    plain = float(smoothed_cross_entropy(logits, labels, 0.0))
    assert plain == pytest.approx(-math.log(0.75))
    smoothed = float(smoothed_cross_entropy(logits, labels, 0.2))
    expected = -0.9 * math.log(0.75) - 0.1 * math.log(0.25)
    assert smoothed == pytest.approx(expected)
    assert expected == pytest.approx(0.397543, abs=1e-6)
    same = smoothed_cross_entropy(jnp.zeros((4, 5)), jnp.zeros(4, jnp.int32), 0.3)
    assert float(same) == pytest.approx(math.log(5))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_equals_numpy(smoothing):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(9, 4)) * 3, rng.integers(0, 4, 9)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right = -log_probs[np.arange(9), labels]
    even = -log_probs.mean(axis=1)
    expected = ((1 - smoothing) * right + smoothing * even).mean()
    found = smoothed_cross_entropy(
        jnp.asarray(logits, jnp.float32), jnp.asarray(labels, jnp.int32), smoothing
    )
    assert float(found) == pytest.approx(expected, rel=1e-5)


def of_batches(metric, logits, labels, size, counted=None):
    """A metric from sums over parts, as programs that measure accumulate it."""
    counted = np.ones(len(labels), bool) if counted is None else counted
    sums = metric.zero()
    for start in range(0, len(labels), size):
        part = slice(start, start + size)
        found = metric.sums(
            jnp.asarray(logits[part]),
            jnp.asarray(labels[part]),
            jnp.asarray(counted[part]),
        )
        assert jnp.result_type(found) == jnp.result_type(sums)
        sums = jax.tree.map(jnp.add, sums, found)
    return float(metric.finish(sums, int(counted.sum())))


@pytest.mark.parametrize("size", [1, 4, 9])
def test_metrics_add_up(size):
    rng = np.random.default_rng(1)
    logits = (rng.normal(size=(9, 4)) * 3).astype(np.float32)
    labels = rng.integers(0, 4, 9).astype(np.int32)
    counted = np.arange(9) != 3
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses, correct = -log_probs[np.arange(9), labels], logits.argmax(axis=1) == labels
    squared = classification_details(4)["squared_loss"]
    cases = ((LOG_LOSS, losses), (ACCURACY, correct), (squared, losses**2))
    for metric, values in cases:
        for chosen in (None, counted):
            found = of_batches(metric, logits, labels, size, chosen)
            mean = np.mean(values if chosen is None else values[chosen])
            assert found == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("size", [2, 60])
def test_metrics_over_classes_equal_scikit_learn(size):
    from sklearn.metrics import balanced_accuracy_score, f1_score

    rng = np.random.default_rng(2)
    labels = rng.choice(6, 60, p=[0.6, 0.2, 0.1, 0.1, 0.0, 0.0]).astype(np.int32)
    logits = rng.normal(size=(60, 6)).astype(np.float32)
    logits[np.arange(60), labels] += 3.0 * (labels == 0)
    logits[:, 4:] -= 9.0
    counted = np.arange(60) % 7 != 0
    assert set(labels[counted]) == {0, 1, 2, 3}
    predicted = logits.argmax(axis=1)
    expected = balanced_accuracy_score(labels[counted], predicted[counted])
    found = of_batches(balanced_accuracy(6), logits, labels, size, counted)
    assert found == pytest.approx(expected, rel=1e-6)
    assert abs(expected - (predicted == labels)[counted].mean()) > 0.05
    logits[1, 4] = 20.0  # an answer that no example has as its truth
    predicted[1] = 4
    expected = f1_score(labels[counted], predicted[counted], average="macro")
    found = of_batches(macro_f1(6), logits, labels, size, counted)
    assert found == pytest.approx(expected, rel=1e-6)


def test_macro_f1_by_hand():
    labels = np.int32([0, 0, 0, 1])
    logits = np.eye(4, dtype=np.float32)[[0, 0, 1, 2]]
    # Class 0: 2 of 2 answers and of 3 examples, F1 4/5; 1 and 2: 0; 3 does not count.
    assert of_batches(macro_f1(4), logits, labels, 3) == pytest.approx(4 / 15)


def test_answers_without_probabilities():
    found = measure_answers(np.int64([0, 0, 1, 2]), np.int32([0, 0, 0, 1]), 4)
    table = [[2, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.pop("confusion") == table
    expected = {"accuracy": 1 / 2, "balanced_accuracy": 1 / 3, "macro_f1": 4 / 15}
    assert found == pytest.approx(expected)
    assert "confusion" not in measure_answers(np.int64([0]), np.int32([0]), 101)


def test_a_loss_that_is_not_finite_is_no_hit():
    logits = np.float32([[1, 0], [np.nan, 0], [np.inf, 0], [0, 1]])
    labels = np.int32([0, 0, 0, 1])
    assert of_batches(ACCURACY, logits, labels, 4) == 0.5
    assert of_batches(balanced_accuracy(2), logits, labels, 4) == pytest.approx(2 / 3)
    # Class 0: 1 answer of 3 examples, F1 1/2; class 1: 1.
    assert of_batches(macro_f1(2), logits, labels, 4) == pytest.approx(3 / 4)
    assert math.isnan(of_batches(LOG_LOSS, logits, labels, 4))


def test_directions():
    assert ACCURACY.as_score(0.5) == 0.5 and LOG_LOSS.as_score(0.5) == -0.5
