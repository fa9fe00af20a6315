"""Which stages a command runs, on a job of three stages that only write words."""

import contextlib
import functools
import json
import shutil

import ml_collections
import pytest
import toy_job
from job_runs import Killed, killed_after
from toy_job import COMMAND, TOY, content, run_toy

from qnas_jax.errors import UserError
from qnas_jax.jobs import Setting, run_stages, runner
from qnas_jax.jobs.config import default_config_of, read_config_of
from qnas_jax.options import OptionError
from qnas_jax.runs import (
    RunError,
    WorkFolder,
    read_json,
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a stage of the toy job; returns what it says and which stages worked."""
    monkeypatch.setattr(runner, "environment", lambda command: {"command": command})
    return functools.partial(run_toy, tmp_path)


def test_a_job_runs_and_what_is_finished_is_kept(run, tmp_path):
    answer, ran, _ = run()
    assert answer == ["bake: finished", "cool: cold", "tell: one", "two"]
    assert ran == ["bake", "cool"]
    stored = read_json(tmp_path / "run" / "config.json")
    assert stored == {
        "layout": 3,
        "job": "toy",
        "bake": {"degrees": 200, "oven": "gas"},
        "stove": {"air": 0},
        "gas": {"flame": 0.5},
        "seed": 0,
    }
    answer, ran, said = run()
    assert answer == ["tell: one", "two"] and ran == []
    assert "bake: finished before, kept" in said


def test_a_stage_that_is_asked_for_is_done_again_with_those_after_it(run, tmp_path):
    run()
    _, ran, _ = run("cool")
    assert ran == ["cool"]
    _, ran, _ = run("bake", bake__degrees=150)
    assert ran == ["bake", "cool"]
    assert (tmp_path / "run" / "bake" / "result.txt").read_text() == "150"


def test_a_stopped_rerun_goes_on_and_can_be_changed_again(run, tmp_path):
    run()
    answer, ran, _ = run("bake", stop=True, bake__degrees=150)
    assert answer == "stopped"
    half = tmp_path / "run" / "bake" / "half.txt"
    assert half.read_text() == "150"
    half.write_text("kept")
    _, ran, _ = run("bake", bake__degrees=150)
    assert ran == ["bake", "cool"] and half.read_text() == "kept"  # it went on
    run("bake", stop=True, bake__degrees=160)
    _, ran, _ = run("bake", bake__degrees=175)
    assert ran == ["bake", "cool"]
    assert not half.exists()
    assert not (tmp_path / "run" / "rerun.json").exists()


@pytest.mark.parametrize("next_stage", ["all", "bake"])
def test_a_rerun_may_be_killed_at_any_moment(run, tmp_path, next_stage):
    folder, kept = tmp_path / "run", tmp_path / "kept"
    run("bake", bake__degrees=150)
    run("taste", bake__degrees=150)
    expected = content(folder)
    shutil.rmtree(folder)
    run()
    run("taste")
    shutil.copytree(folder, kept)
    before = content(kept)
    ended = refused = 0
    for changes in range(200):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        try:
            with killed_after(changes):
                run("bake", bake__degrees=150)
            ended += 1
        except Killed:
            pass
        try:
            run(next_stage, bake__degrees=150)
        except RunError as error:  # nothing of the rerun was begun
            refused += 1
            assert "made with bake.degrees=200, got 150" in str(error)
            assert content(folder) == before
            run("bake", bake__degrees=150)
        assert "taste/done.json" not in content(folder)
        run("taste", bake__degrees=150)
        assert content(folder) == expected, changes
        assert not list(folder.glob("*ing.json"))
        if ended:
            break
    assert ended and changes > 20
    assert refused < 5 and (next_stage == "all" or not refused)


def test_each_stage_is_shown_while_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "environment", lambda command: {"command": command})
    shown = []
    setting = Setting(
        TOY,
        read_config_of(TOY, default_config_of(TOY)),
        WorkFolder(tmp_path / "run"),
        say=lambda line: None,
        during=lambda name: shown.append(name) or contextlib.nullcontext(),
    )
    run_stages(setting, "all", COMMAND)
    assert shown == ["bake", "cool", "tell"]


def test_what_runs_each_time_is_no_stage_to_wipe(run, tmp_path):
    run()
    before = content(tmp_path / "run")
    assert run("tell")[:2] == (["tell: one", "two"], [])
    assert content(tmp_path / "run") == before


def test_a_refused_command_changes_nothing(run, tmp_path):
    def files():
        paths = sorted((tmp_path / "run").rglob("*"))
        return {path: path.read_bytes() for path in paths if path.is_file()}

    run()
    before = files()
    for stage in ("all", "cool", "taste"):
        with pytest.raises(RunError):
            run(stage, seed=1)
        assert files() == before
    with pytest.raises(UserError, match="no flour"):
        run("taste", stop="refuse")
    assert files() == before

    message = "in use by process"
    with WorkFolder(tmp_path / "run").locked(), pytest.raises(RunError, match=message):
        run()


def test_a_rerun_that_goes_on_does_later_stages_with_other_options_anew(run, tmp_path):
    run()
    cool = tmp_path / "run" / "cool"
    answer, ran, _ = run("bake", stop="cool", stove__air=1)
    assert (answer, ran) == ("stopped", ["bake", "cool"])
    assert (cool / "half.txt").exists()
    _, ran, _ = run("bake", stove__air=2)
    assert ran == ["cool"]  # what is finished of the rerun stays
    assert not (cool / "half.txt").exists()


def test_a_stage_that_is_not_needed_is_left_out(run):
    answer, ran, _ = run(bake__oven="none")
    assert ran == ["bake"] and answer[0] == "bake: finished"
    with pytest.raises(UserError, match="--stage=cool: this configuration has no such"):
        run("cool", bake__oven="none")


def test_all_stages_ahead_are_checked_before_the_first_one_works(run, tmp_path):
    with pytest.raises(UserError, match=r"bake\.degrees: got more than 300"):
        run(bake__degrees=400)
    assert not (tmp_path / "run" / "bake").exists()
    assert run()[1] == ["bake", "cool"]  # the refused command left nothing
    with pytest.raises(UserError, match="got more than 300"):
        run("bake", bake__degrees=400)
    assert (tmp_path / "run" / "bake" / "result.txt").exists()  # nothing is wiped
    run("bake", bake__degrees=400, bake__oven="none")  # a stage that is not run


def test_a_finished_stage_is_not_checked_again(run, tmp_path, monkeypatch):
    run()
    monkeypatch.setattr(toy_job, "check_heat", lambda setting: 1 / 0)
    assert run()[1] == []


def test_another_chain_makes_what_is_missing_and_its_goal_again(run):
    assert run("taste")[1] == ["bake", "taste"]
    assert run("taste")[1] == ["taste"]
    _, ran, said = run("taste", seed=0)
    assert ran == ["taste"]


def test_a_later_stage_needs_the_earlier_ones(run):
    with pytest.raises(
        RunError, match="no finished bake stage; run --stage=bake first"
    ):
        run("cool")


def test_an_answer_leaves_nothing(run, tmp_path):
    assert run("ask") == (["yes"], [], [])
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_of_another_version_is_refused(run, tmp_path):
    run()
    path = tmp_path / "run" / "config.json"
    values = json.loads(path.read_text())
    del values["layout"]
    path.write_text(json.dumps(values))
    with pytest.raises(RunError, match="made by another version .layout 1, this one"):
        run()


def test_only_what_is_read_is_checked(run):
    run(wood__logs=-1)  # never looked at
    with pytest.raises(OptionError, match=r"gas\.flame: got 2"):
        run(gas__flame=2.0)
    values = default_config_of(TOY).to_dict()
    values["wood"]["lgs"] = 1
    with pytest.raises(OptionError, match=r"wood\.lgs: got 1, allowed"):
        read_config_of(TOY, ml_collections.ConfigDict(values))
