"""What models are judged by, against numbers by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Split
from qnas_jax.jobs.nas.model_quality import ByAccuracy, ByTokenLoss
from qnas_jax.reporting.statistics import wilson_interval
from qnas_jax.reporting.token_losses import WindowLosses

LOGITS = np.array(
    [
        [[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]],
        [[1.0, 1.0, 1.0], [0.0, 0.0, 5.0]],
        [[0.0, 0.5, 0.0], [9.0, 9.0, 9.0]],
    ],
    np.float32,
)
FOLLOWING = np.array([[2, 1], [1, 2], [1, 0]], np.int32)  # the last one is none
WINDOWS = Split(np.arange(3, dtype=np.int32)[:, None], FOLLOWING)


def answers(numbers):
    return LOGITS[np.asarray(numbers)[:, 0]]


def losses_by_hand():
    logits = LOGITS.astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    own = np.take_along_axis(shares, FOLLOWING[..., None], axis=-1)[..., 0]
    return -np.log(own) * (FOLLOWING > 0)


@pytest.mark.parametrize("size", [1, 2, 64])
def test_the_loss_of_a_token(size):
    judge, losses = ByTokenLoss(size, characters=True), losses_by_hand()
    mean = losses.sum() / 5
    assert judge.value(answers, WINDOWS) == pytest.approx(mean, rel=1e-6)
    facts = judge.facts(answers, WINDOWS)
    assert facts["loss"] == pytest.approx(mean, rel=1e-6)
    assert facts["perplexity"] == pytest.approx(np.exp(mean), rel=1e-6)
    assert facts["bits_per_character"] == pytest.approx(mean / np.log(2), rel=1e-6)
    of_windows = WindowLosses(losses.sum(axis=1), np.array([2, 2, 1]))
    _, *ends = of_windows.mean()
    assert facts["loss_interval"] == pytest.approx(ends, rel=1e-5)
    assert facts["perplexity_interval"] == pytest.approx(np.exp(ends), rel=1e-5)
    words = ByTokenLoss(size, characters=False).facts(answers, WINDOWS)
    assert words.keys() == {name for name in facts if "bits" not in name}


def test_fine_tuning_sees_no_place_without_a_token():
    judge = ByTokenLoss(64, characters=True)
    loss = judge.loss(jnp.asarray(LOGITS), jnp.asarray(FOLLOWING))
    assert float(loss) == pytest.approx(losses_by_hand().mean(), rel=1e-6)
    slopes = jax.grad(judge.loss)(jnp.asarray(LOGITS), jnp.asarray(FOLLOWING))
    assert not slopes[2, 1].any() and slopes[2, 0].any()


def test_points_that_eight_bits_lose():
    assert ByTokenLoss(64, characters=True).points_lost(1.5, 1.52) == pytest.approx(2.0)
    assert ByAccuracy(64).points_lost(0.9, 0.88) == pytest.approx(2.0)


def test_what_is_said_of_both_forms():
    judge = ByTokenLoss(64, characters=True)
    facts = {"loss": 1.5, "perplexity": 4.4817, "test_examples": 9}
    assert judge.in_words(facts) == "perplexity 4.482 on 9 test windows"
    small = {"int8_loss": 1.505, "int8_perplexity": 4.5042}
    assert judge.in_words(facts | small).endswith("test windows, int8 4.504")
    small["int8_loss"] = 1.6
    assert judge.in_words(facts | small).endswith(": 0.100 nats a token lost")


@pytest.mark.parametrize("size", [2, 64])
def test_the_share_that_is_right(size):
    split = Split(np.arange(3, dtype=np.int32)[:, None], np.array([2, 1, 1], np.int32))
    judge = ByAccuracy(size)
    facts = judge.facts(lambda numbers: answers(numbers)[:, 0], split)
    assert facts["accuracy"] == pytest.approx(2 / 3)  # of equal logits the first wins
    assert facts["accuracy_interval"] == wilson_interval(2 / 3, 3)
    told = {"inputs": "series", "test_examples": 3, **facts}
    assert judge.in_words(told) == "66.67 % of 3 test series"
    told["int8_accuracy"] = 1 / 3
    expected = "66.67 % of 3 test series, int8 33.33 %: 33.33 points lost"
    assert judge.in_words(told) == expected
