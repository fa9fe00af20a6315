"""Classes: precision, recall and F1 against scikit-learn, by hand, and on the page."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from qnas_jax.reporting import classes, write_report
from qnas_jax.reporting.wilson import wilson_interval

NAMES = ["a", "b", "c", "d"]


def test_numbers_equal_scikit_learn():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 4, 200)
    answers = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 4, 200))
    rows = classes.class_rows(confusion_matrix(truth, answers), NAMES)
    expected = precision_recall_fscore_support(truth, answers)
    found = [
        [row.precision[0] for row in rows],
        [row.recall[0] for row in rows],
        [row.f1 for row in rows],
        [row.examples for row in rows],
    ]
    np.testing.assert_allclose(found, np.array(expected))


def test_numbers_by_hand():
    table = [[8, 2, 0], [1, 4, 0], [0, 0, 0]]
    first, second, third = classes.class_rows(np.array(table, float), NAMES[:3])
    assert first.recall == (0.8, *wilson_interval(0.8, 10))
    assert first.precision == (8 / 9, *wilson_interval(8 / 9, 9))
    assert first.f1 == pytest.approx(16 / 19)
    assert (second.examples, second.answers) == (5, 6)
    assert (third.recall, third.precision, third.f1) == (None, None, None)
    assert classes.shades(np.array(table)) == [[4, 1, 0], [1, 4, 0], [0, 0, 0]]
    worst, other = classes.mistakes(np.array(table), NAMES[:3])
    assert (worst.truth, worst.answer, worst.count, worst.share) == ("a", "b", 2, 0.2)
    assert (other.truth, other.answer, other.share) == ("b", "a", 0.2)


pytestmark = pytest.mark.usefixtures("no_drawing")


def with_classes(run, table, names):
    result = json.loads((run.workdir / "result.json").read_text())
    run.dump("result.json", result | {"test_confusion": table, "class_names": names})


def test_the_page_has_the_matrix_and_each_class(small):
    with_classes(small, [[170.0, 10.0], [4.0, 176.0]], ["cat", "<dog>"])
    text = write_report(small.workdir).read_text(encoding="utf-8")
    assert '<td class="s4 right">170</td><td class="s1">10</td>' in text
    assert "&lt;dog&gt;" in text and "Which class is taken for which" in text
    low, high = wilson_interval(170 / 180, 180)
    assert f"94.44\u00a0%<small>{100 * low:.2f}\u00a0% to {100 * high:.2f}" in text


def test_of_many_classes_only_the_mistakes_are_shown(small):
    names = [f"class {number}" for number in range(40)]
    table = 9 * np.eye(40)
    table[3, 5] = 2
    with_classes(small, table.tolist(), names)
    text = write_report(small.workdir).read_text(encoding="utf-8")
    assert "Which class is taken for which" not in text
    assert "The commonest mistakes" in text and "18.18" in text


def test_names_that_do_not_fit_show_no_classes(small):
    with_classes(small, [[1.0]], ["a", "b"])
    text = write_report(small.workdir).read_text(encoding="utf-8")
    assert 'id="classes"' not in text
