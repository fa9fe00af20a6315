import math

import numpy as np
import pytest
from scipy import optimize, stats

from qnas_jax.reporting import intervals, statistics


@pytest.mark.parametrize("n", [1, 7, 360, 10000])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.978, 1.0])
def test_the_ends_of_wilson_solve_their_equation(n, share):
    right = round(share * n)
    low, high = statistics.wilson_interval(right / n, n)
    assert 0 <= low <= right / n <= high <= 1 and low < high
    z = stats.norm.ppf(0.975)
    inside = [end for end in (low, high) if 1e-9 < end < 1 - 1e-9]
    assert len(inside) == 2 - (right in (0, n))
    for end in inside:
        away = z * math.sqrt(end * (1 - end) / n)
        assert abs(right / n - end) == pytest.approx(away, abs=1e-12)


def test_wilson_by_hand():
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
    cases = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}
    cases |= {(0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (right, n), expected in cases.items():
        found = statistics.wilson_interval(right / n, n)
        np.testing.assert_allclose(found, expected, atol=5e-5)


def test_wilson_of_a_float32_accuracy_is_that_of_the_count():
    rounded = float(np.float32(352 / 360))
    assert rounded != 352 / 360
    expected = statistics.wilson_interval(352 / 360, 360)
    assert statistics.wilson_interval(rounded, 360) == expected


@pytest.mark.parametrize(
    ("accuracy", "n", "word"),
    [(97.5, 360, "accuracy"), (-0.1, 360, "accuracy"), (math.nan, 9, "accuracy"),
     (0.5, 0, "test_examples")],
)  # fmt: skip
def test_out_of_range_is_an_error(accuracy, n, word):
    with pytest.raises(ValueError, match=word):
        statistics.wilson_interval(accuracy, n)


def _score_end(share: float, n: int, bracket: tuple[float, float]) -> float:
    """An end of the score interval as a root of its defining equation."""
    z = stats.norm.ppf(0.975)

    def excess(p: float) -> float:
        return (share - p) ** 2 - z**2 * p * (1 - p) / n

    return optimize.brentq(excess, *bracket, xtol=1e-14)


@pytest.mark.parametrize(("first", "second"), [(0.8, 0.7), (0.55, 0.9), (0.6, 0.6)])
def test_difference_interval_from_its_definition(first, second):
    n = 200
    l1, u1 = _score_end(first, n, (0, first)), _score_end(first, n, (first, 1))
    l2, u2 = _score_end(second, n, (0, second)), _score_end(second, n, (second, 1))
    low = first - second - math.sqrt((first - l1) ** 2 + (u2 - second) ** 2)
    high = first - second + math.sqrt((u1 - first) ** 2 + (second - l2) ** 2)
    found = statistics.difference_interval(first, second, n)
    np.testing.assert_allclose(found, (low, high), atol=1e-9)


def test_difference_interval_by_hand():
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10:
    # 9/10 - 3/10 and 10/10 - 0/10.
    found = statistics.difference_interval(0.9, 0.3, 10)
    np.testing.assert_allclose(found, (0.1705, 0.8090), atol=5e-5)
    found = statistics.difference_interval(1.0, 0.0, 10)
    np.testing.assert_allclose(found, (0.6075, 1.0), atol=5e-5)


def test_fisher_by_hand_and_by_summing_tables():
    # The tea-tasting table 3 1 / 1 3: (1 + 16) * 2 / 70.
    assert statistics.fisher_p_value(0.75, 0.25, 4) == pytest.approx(34 / 70)
    n, first, second = 120, 111, 98
    right = first + second
    weights = {
        k: math.comb(n, k) * math.comb(n, right - k) for k in range(right - n, n + 1)
    }
    unlikely = sum(w for w in weights.values() if w <= weights[first])
    expected = unlikely / sum(weights.values())
    found = statistics.fisher_p_value(first / n, second / n, n)
    assert found == pytest.approx(expected, rel=1e-9)


def test_holm_by_hand():
    found = statistics.holm([0.04, 0.01, 0.03])
    np.testing.assert_allclose(found, [0.06, 0.03, 0.06])
    assert statistics.holm([0.7, 0.6]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_compare_corrects_and_decides():
    near, far = statistics.compare(0.98, {"near": 0.97, "far": 0.90}, 500)
    assert (near.name, far.name) == ("near", "far")
    assert far.significant and far.low > 0
    assert not near.significant and near.low < 0 < near.high
    raw = statistics.fisher_p_value(0.98, 0.90, 500)
    assert far.p_value == pytest.approx(2 * raw)
    worse = statistics.compare(0.80, {"other": 0.95}, 500)[0]
    assert worse.significant and worse.difference == pytest.approx(-0.15)


def test_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(0).exponential(size=50)
    found = statistics.mean_interval(values.mean(), np.mean(values**2), 50)
    expected = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    np.testing.assert_allclose(found, expected)
    assert statistics.mean_interval(2.0, 4.0, 1) == (2.0, 2.0)


def test_interval_of_macro_f1_equals_drawing_examples_again():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(1)
    truth = rng.choice(3, 80, p=[0.6, 0.3, 0.1])
    answers = np.where(rng.random(80) < 0.75, truth, rng.integers(0, 3, 80))
    table = np.zeros((4, 4))
    np.add.at(table, (truth, answers), 1)
    expected = f1_score(truth, answers, average="macro")
    assert statistics.macro_f1(table) == pytest.approx(expected)
    low, high = statistics.macro_f1_interval(table)
    assert low < expected < high
    again = [
        f1_score(truth[drawn], answers[drawn], average="macro")
        for drawn in rng.integers(0, 80, (400, 80))
    ]
    np.testing.assert_allclose(
        [low, high], np.quantile(again, [0.025, 0.975]), atol=0.03
    )
    # Nothing can change where all is right.
    assert statistics.macro_f1_interval(np.diag([5, 3])) == (1.0, 1.0)


def test_interval_of_balanced_accuracy_equals_drawing_examples_again():
    from sklearn.metrics import recall_score

    def balanced(truth, answers):
        return recall_score(truth, answers, average="macro", labels=np.unique(truth))

    rng = np.random.default_rng(2)
    truth = rng.choice(3, 90, p=[0.7, 0.2, 0.1])
    answers = np.where(rng.random(90) < 0.7, truth, 3)
    table = np.zeros((4, 4))
    np.add.at(table, (truth, answers), 1)
    # By hand: 3 of 4 and 1 of 2 are right; a class that is no truth does not count.
    assert statistics.balanced_accuracy(
        np.array([[3, 1, 0], [0, 1, 1], [0, 0, 0]])
    ) == pytest.approx((0.75 + 0.5) / 2)
    low, high = statistics.balanced_accuracy_interval(table)
    assert low < balanced(truth, answers) < high
    again = [
        balanced(truth[drawn], answers[drawn])
        for drawn in rng.integers(0, 90, (400, 90))
    ]
    np.testing.assert_allclose(
        [low, high], np.quantile(again, [0.025, 0.975]), atol=0.03
    )


def test_intervals_of_what_a_row_tells():
    row = {"test_accuracy": 0.8, "test_loss": 0.5, "test_squared_loss": 0.5}
    found = intervals({**row, "test_confusion": [[4, 1], [1, 4]]}, 10)
    assert list(found) == [
        *("test_accuracy", "test_loss", "test_macro_f1", "test_balanced_accuracy")
    ]
    assert found["test_accuracy"] == list(statistics.wilson_interval(0.8, 10))
    half = 1.959964 * math.sqrt(0.25 / 9)
    np.testing.assert_allclose(found["test_loss"], [0.5 - half, 0.5 + half], rtol=1e-6)
    assert intervals({"test_error": 3.0}, 10) == {}
    # An example without an answer is in no cell: how its class did is not known.
    unanswered = intervals({"test_confusion": [[4, 1], [1, 3]]}, 10)
    assert list(unanswered) == ["test_macro_f1"]
