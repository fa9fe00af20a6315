"""A finished history answers a search."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import ScoredBy, scores_of
from qnas_jax.evaluation.recorded import (
    RecordedOptions,
    make_recorded_evaluator,
    read_evaluations,
)
from qnas_jax.options import OptionError
from qnas_jax.searching import host_search, make_strategy
from qnas_jax.spaces import SearchSpace
from qnas_jax.status import Status

KEY = jax.random.key(0)
SPACE = SearchSpace("six", (("a", "b"), ("x", "y", "z")))
ROWS = [
    {"arch": [0, 2], "score": 0.5},
    {"arch": [1, 1], "score": 0.75},
    {"arch": [1, 2], "score": None},
]


def make(tmp_path, rows):
    path = tmp_path / "history.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines))
    parts = SimpleNamespace(space=SPACE)
    return make_recorded_evaluator(RecordedOptions(file=str(path)), parts)


def test_it_says_what_is_recorded_and_why_not(tmp_path):
    evaluator = make(tmp_path, ROWS)
    found = evaluator(KEY, np.array([[1, 1], [0, 0], [0, 2], [1, 2]]))
    np.testing.assert_array_equal(
        scores_of(evaluator, found), [0.75, -np.inf, 0.5, -np.inf]
    )
    assert found.status.tolist() == [Status.OK, Status.ERROR, Status.OK, Status.ERROR]
    assert found.reasons == ("", "not in the history", "", "not in the history")


def test_a_search_ends_with_the_best_that_is_recorded(tmp_path):
    evaluate = ScoredBy(make(tmp_path, ROWS))
    strategy = make_strategy("random", SPACE.num_ops, population=4, generations=20)
    *_, last = host_search(strategy, evaluate, KEY, 20)
    assert last.after.best_arch.tolist() == [1, 1]
    assert float(last.after.best_score) == 0.75


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["{"], r"line 1: got '\{', expected a row \{\"arch"),
        ([ROWS[0], "[]"], r"line 2: got '\[\]', expected a row"),
        ([ROWS[0], "{}"], r"line 2: got '\{\}', expected a row"),
        ([{"arch": 3, "score": 1}], "line 1: got .*expected a row"),
        ([{"arch": [1.0, 0], "score": 1}], "line 1: got .*expected a row"),
        ([{"arch": [True, 0], "score": 1}], "line 1: got .*expected a row"),
        ([{"arch": [-1, 0], "score": 1}], "line 1: got .*expected a row"),
        (
            [*ROWS, '{"arch": [0, 0], "score": NaN}'],
            "line 4: got score nan, exp",
        ),
        (['{"arch": [0, 0], "score": 1e400}'], "line 1: got score inf"),
        (['{"arch": [0, 0], "score": -Infinity}'], "line 1: got score -inf"),
        (['{"arch": [0, 0], "score": 1e308}'], r"got score 1e\+308, expected a finite"),
        ([{"arch": [0, 0], "score": "0.5"}], "got score '0.5'"),
        ([{"arch": [0, 0], "score": True}], "got score True"),
        ([{"arch": [0, 3], "score": 1}], r"got architecture \[0, 3\], expected one of"),
        ([{"arch": [0], "score": 1}], r"got architecture \[0\]"),
        ([ROWS[2]], "no evaluation with a score"),
    ],
)
def test_a_damaged_history_is_one_line(tmp_path, rows, message):
    with pytest.raises(UserError, match=message) as error:
        make(tmp_path, rows)
    assert "\n" not in str(error.value)


def test_a_line_that_a_kill_cut_short_does_not_count(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps(ROWS[1])[:-4])
    assert [row.arch for row in read_evaluations(path)] == [(0, 2)]
    path.write_text(json.dumps(ROWS[0]) + "\n\n" + json.dumps(ROWS[1]))
    assert [row.line for row in read_evaluations(path)] == [1, 3]


def test_a_file_has_to_be_named_and_there():
    parts = SimpleNamespace(space=SPACE)
    with pytest.raises(OptionError, match="file: got ''"):
        make_recorded_evaluator(RecordedOptions(), parts)
    with pytest.raises(UserError, match="file: got nope"):
        make_recorded_evaluator(RecordedOptions(file="nope.jsonl"), parts)
