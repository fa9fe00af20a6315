"""Whatever is put in ends in success, or in one line of ours that names it.

2,000 inputs, the same ones each time; `python -m experiments.fuzz` tries more of them.
"""

import shutil

import hypothesis
import pytest

from experiments import fuzz
from experiments.fuzzing.kind import ACCEPTED, REFUSED, Given, Kind, attempt
from experiments.fuzzing.registry import KINDS, shares
from qnas_jax.errors import UserError

INPUTS = 2000


@pytest.mark.parametrize("name", KINDS)
def test_inputs_of_a_kind(name, tmp_path):
    kind, folder = KINDS[name], tmp_path / "inputs"
    ends = []

    @hypothesis.settings(
        max_examples=shares(INPUTS)[name],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(kind.inputs)
    def each(given):
        folder.mkdir()
        try:
            found = attempt(kind, given, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        assert found.good, found
        ends.append(found.end)

    each()
    assert ends.count(REFUSED) + ends.count(ACCEPTED) == len(ends)
    assert len(ends) == shares(INPUTS)[name]


def test_what_is_no_good_end(tmp_path):
    def kind(read, wrong=lambda value, found: ""):
        return Kind("made", hypothesis.strategies.nothing(), read, wrong)

    def refuse(value, folder):
        raise UserError(value)

    def fail(value, folder):
        raise KeyError(value)

    given = Given("in a.json: got 1", ("a.json",))
    assert attempt(kind(refuse), given, tmp_path).end == "refused"
    assert attempt(kind(refuse), Given("got 1", ("a.json",)), tmp_path).end == "unnamed"
    assert attempt(kind(fail), given, tmp_path).end == "foreign"
    assert "KeyError" in attempt(kind(fail), given, tmp_path).words
    found = attempt(kind(lambda *_: 1, lambda *_: "is 2"), given, tmp_path)
    assert (found.end, found.words, found.good) == ("wrong", "is 2", False)


def test_a_stopped_run_goes_on():
    rows = list(fuzz.run(200, kinds=["IDX", "history"]))
    again = list(fuzz.run(200, kinds=["IDX", "history"], done=rows[:1]))
    assert again == rows[1:]
    table = {row["kind"]: row for row in fuzz.summary(rows)}
    assert table["all"]["tried"] == sum(row["tried"] for row in rows) > 10
    assert table["all"]["foreign"] == table["all"]["wrong"] == 0
