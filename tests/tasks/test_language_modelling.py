"""The next token: what counts, by hand and by a library; what training sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from qnas_jax.data import Dataset, Split
from qnas_jax.evaluation import measure
from qnas_jax.tasks import (
    LanguageTraining,
    TaskOptions,
    make_task,
    score_metric,
    sums_of_windows,
)

WORDS = ("<padding>", "<unknown>", "a", "b", "c")
TARGETS = np.array([[2, 3, 4], [2, 0, 0], [4, 4, 2]], np.int32)


@pytest.fixture(scope="module")
def task():
    inputs = np.array([[4, 2, 3], [3, 2, 0], [2, 4, 4]], np.int32)
    split = Split(inputs, TARGETS)
    return make_task(TaskOptions(), Dataset("text", split, split, split, (), WORDS))


@pytest.fixture(scope="module")
def logits():
    return np.random.default_rng(0).standard_normal((3, 3, 5)).astype(np.float32)


def losses_of(logits):
    """Of the seven tokens, in float64."""
    chances = special.log_softmax(logits.astype(np.float64), axis=-1)
    places = np.nonzero(TARGETS)
    return -chances[(*places, TARGETS[places])]


def test_what_the_task_is(task):
    assert (task.input_shape, task.num_outputs) == ((3, 2), 5)
    assert task.score == "loss" and not score_metric(task).larger_is_better
    assert list(task.metrics) == ["loss", "perplexity", "bits_per_character"]
    words = task.replace(characters=False)
    assert list(words.metrics) == ["loss", "perplexity"]


def test_metrics_over_the_tokens_that_there_are(task, logits):
    mean = losses_of(logits).mean()

    def found(chunk, logits):
        # The batches of `measure` are told apart by their first inputs.
        def run(prepared):
            first = prepared[:, 0, 1].astype(jnp.int32)
            return jnp.asarray(logits)[jnp.array([0, 0, 2, 1, 0])[first]]

        inputs = jnp.asarray([[4, 2, 3], [3, 2, 0], [2, 4, 4]], jnp.int32)
        return measure(task, run, inputs, jnp.asarray(TARGETS), chunk)

    for chunk in (3, 2):
        metrics = found(chunk, logits)
        np.testing.assert_allclose(metrics["loss"], mean, rtol=1e-5)
        np.testing.assert_allclose(metrics["perplexity"], np.exp(mean), rtol=1e-5)
        bits = metrics["bits_per_character"]
        np.testing.assert_allclose(bits, mean / np.log(2), rtol=1e-5)
    # What stands where nothing follows counts nothing, not even if it is no number.
    changed = logits.copy()
    changed[1, 1:] = 50 * np.random.default_rng(1).standard_normal((2, 5))
    changed[1, 2, 0] = np.nan
    np.testing.assert_allclose(found(3, changed)["loss"], mean, rtol=1e-5)


def test_numbers_by_hand(task):
    """Of three tokens two halves and a quarter: the mean of 1, 1 and 2 bits."""
    chances = np.full((1, 3, 5), 1e-30, np.float32)
    for place, (token, chance) in enumerate([(2, 0.5), (3, 0.5), (4, 0.25)]):
        chances[0, place, token], chances[0, place, 1] = chance, 1 - chance
    targets, counted = jnp.array([[2, 3, 4]]), jnp.array([True])
    for name, wanted in (
        ("bits_per_character", 4 / 3),
        ("loss", 4 / 3 * np.log(2)),
        ("perplexity", 2 ** (4 / 3)),
    ):
        metric = task.metrics[name]
        sums = metric.sums(jnp.log(chances), targets, counted)
        np.testing.assert_allclose(metric.finish(sums, 1), wanted, rtol=1e-6)
        none = metric.sums(jnp.log(chances), targets, ~counted)
        assert float(none[0]) == 0 and int(none[1]) == 0


def test_what_training_minimises(task, logits):
    """The mean of all nine places, two of which lose nothing."""
    total = losses_of(logits).sum()
    outputs, targets = jnp.asarray(logits), jnp.asarray(TARGETS)
    np.testing.assert_allclose(task.loss(outputs, targets), total / 9, rtol=1e-5)
    smooth = task.with_options(LanguageTraining(label_smoothing=0.2))
    evenly = -special.log_softmax(logits.astype(np.float64), -1).mean(-1)
    wanted = 0.8 * total / 9 + 0.2 * evenly[TARGETS != 0].sum() / 9
    np.testing.assert_allclose(smooth.loss(outputs, targets), wanted, rtol=1e-5)
    # The mean of the shares of a batch is that of the batch.
    shares = [task.loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(3)]
    np.testing.assert_allclose(np.mean(shares), total / 9, rtol=1e-5)
    gradient = np.asarray(jax.grad(task.loss)(outputs, targets))
    assert not gradient[1, 1:].any() and gradient[1, 0].any()


def test_sums_of_windows(logits):
    losses, tokens = sums_of_windows(logits, TARGETS)
    parts = np.split(losses_of(logits), [3, 4])
    np.testing.assert_allclose(losses, [part.sum() for part in parts], rtol=1e-5)
    assert tokens.tolist() == [3, 1, 3]


def test_inputs_are_digits_and_some_are_dropped(task):
    inputs = jnp.array([[300, 2, 0]] * 200)
    assert task.prepare(inputs)[0].tolist() == [[1, 44], [0, 2], [0, 0]]
    key = jax.random.key(0)
    assert (task.augment(key, inputs) == task.prepare(inputs)).all()
    dropping = task.with_options(LanguageTraining(word_dropout=0.25))
    found = np.asarray(dropping.augment(key, inputs))
    assert not found[:, 2].any()
    unknown = (found[:, :2] == [0, 1]).all(-1)
    assert 0.18 < unknown.mean() < 0.32
