"""Losses of windows: means, intervals and differences, by hand and by a library."""

import math

import numpy as np
import pytest
from scipy import stats

from qnas_jax.reporting.loss_rows import loss_sentences, loss_table
from qnas_jax.reporting.token_losses import (
    WindowLosses,
    compare_losses,
    loss_intervals,
    worth_of_losses,
)

TOKENS = np.array([4, 4, 4, 2])
FULL = np.full(12, 8)


def drawn(seed, mean=2.0):
    rng = np.random.default_rng(seed)
    return WindowLosses(8 * rng.normal(mean, 0.1, 12), FULL)


def test_by_hand():
    """Of 14 tokens: 28 / 14 = 2 nats; windows deviate by 1, -1, 2 and -2 nats."""
    found = WindowLosses(np.array([9.0, 7.0, 10.0, 2.0]), TOKENS)
    mean, low, high = found.mean()
    error = math.sqrt(4 / 3 * (1 + 1 + 4 + 4)) / 14
    assert mean == 2.0
    np.testing.assert_allclose([2 - low, high - 2], 3.182446 * error, rtol=1e-6)
    names = ["test_loss", "test_perplexity", "arch", "test_bits_per_character"]
    intervals = loss_intervals(found, names)
    assert intervals["test_loss"] == [low, high]
    assert intervals["test_perplexity"] == [math.exp(low), math.exp(high)]
    bits = intervals["test_bits_per_character"]
    np.testing.assert_allclose(bits, [low / math.log(2), high / math.log(2)])
    assert set(intervals) == set(names) - {"arch"}


def test_of_full_windows_it_is_students():
    first, second = drawn(0), drawn(1, 2.1)
    difference, low, high, p_value = first.less(second)
    wanted = stats.ttest_rel(second.losses / 8, first.losses / 8)
    np.testing.assert_allclose(p_value, wanted.pvalue)
    np.testing.assert_allclose([low, high], wanted.confidence_interval(0.95))
    assert difference == pytest.approx(np.mean(second.losses - first.losses) / 8)
    back = second.less(first)
    np.testing.assert_allclose(back, [-difference, -high, -low, p_value])


def test_where_nothing_can_be_said():
    one = WindowLosses(np.array([8.0]), np.array([4]))
    assert one.mean() == (2.0, 2.0, 2.0)
    assert one.less(WindowLosses(np.array([12.0]), np.array([4])))[-1] == 1.0
    assert drawn(0).less(drawn(0)) == (0.0, 0.0, 0.0, 1.0)


def test_several_are_corrected():
    winner, others = drawn(0), {"a": drawn(1, 2.1), "b": drawn(2, 2.05)}
    found = compare_losses(winner, others)
    alone = sorted(winner.less(other)[-1] for other in others.values())
    corrected = sorted(each["p_value"] for each in found.values())
    assert corrected[0] == pytest.approx(min(1.0, 2 * alone[0]))
    assert corrected[1] == pytest.approx(max(corrected[0], alone[1]))
    assert compare_losses(winner, {}) == {}


def test_worth():
    winner = drawn(0)
    one = worth_of_losses(winner, [drawn(1, 2.5)], aside="the nearest found, 12 % off")
    assert one.verdict == "worth it" and one.picks == 1
    assert "a random pick of its cost" in one.sentence and "12 % off" in one.sentence
    several = worth_of_losses(winner, [drawn(1, 2.2), drawn(2, 1.8)])
    mean = (drawn(1, 2.2).losses + drawn(2, 1.8).losses) / 2
    wanted = stats.ttest_rel(mean / 8, winner.losses / 8)
    assert several.p_value == pytest.approx(wanted.pvalue)
    assert "2 random picks of its cost" in several.detail


def test_table_and_sentences():
    assert loss_table(None) is None and loss_table({"test_accuracy": 0.5}) is None
    assert loss_sentences({"test_accuracy": 0.5}) == []
    ahead = {"difference": -0.01234, "low": -0.02, "high": -0.001, "p_value": 0.03}
    result = {
        "test_loss": 2.0,
        "test_perplexity": 7.389,
        "validation_loss": 1.9,
        "intervals": {"test_perplexity": [7.0, 7.8]},
        "parameters": 10,
        "baselines": {"lstm": {"test_perplexity": 7.3, "ahead": ahead, "width": 0.5}},
    }
    table = loss_table(result)
    assert not table["bits"]
    winner, lstm = table["rows"]
    assert [cell["value"] for cell in winner["cells"]] == [2.0, 7.389]
    assert winner["cells"][1]["interval"] == [7.0, 7.8] and winner["ahead"] is None
    assert (
        lstm["name"] == "LSTM, 50.00\u00a0% of its channels" and lstm["ahead"] == ahead
    )
    first, second = loss_sentences(result)
    assert "a perplexity of 7.389 (95 % interval 7.000 to 7.800)" in first
    assert second.startswith("The winner is significantly worse than the LSTM: it lose")
    assert "\u22120.0123 nats a token less" in second
