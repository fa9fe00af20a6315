"""What is known survives a kill, half a line does not count."""

import math

import pytest

from qnas_jax.status import Status
from qnas_jax.user_code.calls import Outcome
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

GOOD = Outcome(Status.OK, {"score": 0.1 + 0.2, "odd": math.inf}, "", 3.5)
BAD = Outcome(Status.TIMEOUT, {}, "took longer than 3 seconds", 3.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "search" / "outcomes.jsonl"


def test_outcomes_come_back_as_they_were(path):
    kept = KeptOutcomes(path)
    assert kept.find("a") is None
    kept.keep("a", GOOD)
    kept.keep("b", BAD)
    assert kept.find("a") == GOOD
    again = KeptOutcomes(path)
    assert (again.find("a"), again.find("b"), again.find("c")) == (GOOD, BAD, None)
    again.clear()
    assert again.find("a") is None and not path.exists()
    again.clear()


def test_half_a_line_is_left_out_and_does_no_harm_to_the_next(path):
    KeptOutcomes(path).keep("a", GOOD)
    with open(path, "a") as file:
        file.write('{"name": "b", "outco')
    kept = KeptOutcomes(path)
    assert kept.find("b") is None
    kept.keep("c", BAD)
    again = KeptOutcomes(path)
    assert (again.find("a"), again.find("b"), again.find("c")) == (GOOD, None, BAD)
