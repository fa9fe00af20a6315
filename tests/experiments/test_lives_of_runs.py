"""Runs that are interrupted again and again: when, and which time spoilt them."""

import numpy as np
import pytest

from experiments.reliability.kills import WAYS, Timeline
from experiments.reliability.lives import FIRST, Interruption, Life, _turns

TIMELINE = Timeline(
    starting=1.3, stages={"supernet": 4.0, "search": 2.0, "retrain": 3.0}, ending=1.0
)


def finish(folder, *stages):
    for stage in stages:
        (folder / stage).mkdir()
        (folder / stage / "done.json").touch()


def draws(folder, ahead=1, count=2000):
    rng = np.random.default_rng(0)
    return [TIMELINE.draw(folder, ahead, rng) for _ in range(count)]


def share(moments, after):
    return sum(moment.after == after for moment in moments) / len(moments)


def test_moments_are_even_over_what_is_left(tmp_path):
    """11 s in all: 1 of starting (0.3 is too early), 4, 2, 3, and 1 behind."""
    moments = draws(tmp_path)
    expected = {"": 1, "supernet/started.json": 4, "search/started.json": 2}
    expected |= {"retrain/started.json": 3, "retrain/done.json": 1}
    for after, seconds in expected.items():
        own = [moment.seconds for moment in moments if moment.after == after]
        assert len(own) / len(moments) == pytest.approx(seconds / 11, abs=0.03)
        early = 0.0 if after else 0.3
        assert early <= min(own) and max(own) <= early + seconds


def test_stages_that_are_done_are_not_waited_for(tmp_path):
    finish(tmp_path, "supernet", "search")
    moments = draws(tmp_path)
    assert {moment.after for moment in moments} == {
        *("", "retrain/started.json", "retrain/done.json")
    }
    assert share(moments, "retrain/started.json") == pytest.approx(3 / 5, abs=0.04)


def test_the_first_of_many_moments_is_early(tmp_path):
    """The first of ten even draws from 11 s lies at 1 s in the mean."""
    starts = {"": -0.3, "supernet/started.json": 1.0, "search/started.json": 5.0}
    starts |= {"retrain/started.json": 7.0, "retrain/done.json": 10.0}
    at = [starts[moment.after] + moment.seconds for moment in draws(tmp_path, 10)]
    assert np.mean(at) == pytest.approx(1.0, abs=0.07)


def test_each_way_has_its_turn_and_the_first_command_is_no_resume():
    ways = list(WAYS)
    firsts = set()
    for seed in range(30):
        turns = list(_turns(ways, 9, np.random.default_rng(seed)))
        assert sorted(turns[4:8]) == sorted(ways)
        firsts.add(turns[0])
    assert firsts == set(ways) - {"SIGKILL during a resume"}
    assert FIRST in ways


def life_of(tmp_path, contents):
    """A life whose work folder had these contents after its interruptions."""
    life = Life(lambda: None, tmp_path / "run", tmp_path / "copies")
    for number, content in enumerate(contents):
        life.met.append(Interruption(FIRST, number))
        (tmp_path / "copies" / str(number)).mkdir(parents=True)
        (tmp_path / "copies" / str(number) / "state").write_text(content)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state").write_text(contents[-1])
    return life


def test_the_interruption_that_spoilt_a_life_is_found(tmp_path):
    def judge():
        state = tmp_path / "run" / "state"
        return ["state"] if state.read_text() == "bad" else []

    life = life_of(tmp_path, ["good", "good", "bad", "bad"])
    life.blame(judge)
    assert [list(each.differing) for each in life.met] == [[], [], ["state"]]


def test_a_good_life_is_left_as_it_is(tmp_path):
    life = life_of(tmp_path, ["good", "bad", "good"])
    life.blame(lambda: [])
    assert [each.differing for each in life.met] == [(), (), ()]


def test_a_wrong_end_that_no_copy_explains_counts_against_the_last(tmp_path):
    answers = iter([["result.json"], [], []])
    life = life_of(tmp_path, ["good", "good"])
    life.blame(lambda: next(answers))
    assert [bool(each.differing) for each in life.met] == [False, True]


def test_a_wrong_end_of_an_undisturbed_run_is_no_interruption(tmp_path):
    life = Life(lambda: None, tmp_path / "run", tmp_path / "copies")
    with pytest.raises(RuntimeError, match="result.json"):
        life.blame(lambda: ["result.json"])
