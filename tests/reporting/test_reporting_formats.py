import math

import pytest

from qnas_jax.reporting import formats, verdict
from qnas_jax.reporting.statistics import Comparison

TEST = "McNemar's exact test"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (formats.percent, 0.97777, "97.78 %"),
        (formats.percent, 1.0, "100.00 %"),
        (formats.count, 1234567, "1,234,567"),
        (formats.short_count, 999, "999"),
        (formats.short_count, 999_499, "999 k"),
        (formats.short_count, 999_999, "1 M"),
        (formats.short_count, 93_100_000, "93.1 M"),
        (formats.short_count, 2.5e9, "2.5 G"),
        (formats.score, 0.91234, "0.9123"),
        (formats.duration, 3.21, "3.2 s"),
        (formats.duration, 59.99, "1 min 00 s"),
        (formats.duration, 125, "2 min 05 s"),
        (formats.duration, 3599.9, "1 h 00 min"),
        (formats.duration, 7500, "2 h 05 min"),
        (formats.points, 0.0123, "+1.23"),
        (formats.points, -0.0123, "−1.23"),
        (formats.points, -0.00001, "0.00"),
        (formats.p_value, 0.0312, "p = 0.031"),
        (formats.p_value, 1e-9, "p < 0.001"),
    ],
)
def test_numbers_as_shown(show, value, expected):
    assert plain(show(value)) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
@pytest.mark.parametrize("name", ["percent", "count", "short_count", "score"])
def test_unknown_numbers_are_a_dash(name, value):
    assert formats.FILTERS[name](value) == "–"


def test_comparison_in_words():
    better = Comparison("random", 0.06, 0.03, 0.09, 0.0004, TEST)
    text = verdict.comparison_sentence(better, 2)
    assert "significantly better than the random subnet: +6.00" in text
    assert "exact test, Holm-corrected for 2)" in text
    worse = Comparison("largest", -0.06, -0.09, -0.03, 0.0004, TEST)
    text = verdict.comparison_sentence(worse, 1)
    assert "significantly worse than the largest subnet: −6.00" in text
    assert "corrected" not in text
    same = Comparison("largest", 0.01, -0.01, 0.03, 0.4, TEST)
    assert verdict.comparison_sentence(same, 2).startswith("No significant difference")


def test_search_gain_in_words():
    first = {"best": 0.8, "mean": 0.7, "evaluations": 20}
    last = {"best": 0.85, "mean": 0.82, "evaluations": 400}
    text = verdict.search_sentence([first, last])
    assert "from 0.8000" in text and "to 0.8500, a gain of 0.0500" in text
    text = verdict.search_sentence([first])
    assert "found nothing better" in text and "20 evaluations" in text
