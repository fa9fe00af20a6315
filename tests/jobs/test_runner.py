"""The runner, on a job of three stages that only write words."""

import contextlib
import dataclasses
import json
import shutil
import sys

import ml_collections
import pytest
from job_runs import Killed, killed_after

from qnas_jax.errors import UserError
from qnas_jax.files import digest_file
from qnas_jax.jobs import Family, Job, Setting, Stage, run_stages, runner, stopwatch
from qnas_jax.jobs.config import Config, default_config_of, read_config_of
from qnas_jax.jobs.inputs import file_content
from qnas_jax.jobs.markers import spent_by_stage
from qnas_jax.options import OptionError, Options, option
from qnas_jax.runs import (
    RunError,
    WorkFolder,
    read_json,
    read_sealed,
    write_sealed,
)
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py"]


@dataclasses.dataclass(frozen=True)
class BakeOptions(Options):
    """Of a toy job."""

    degrees: int = option(200, "heat", low=1)
    oven: str = option("gas", "which oven", choices=("gas", "wood", "none"))


@dataclasses.dataclass(frozen=True)
class GasOptions(Options):
    """Of an oven."""

    flame: float = option(0.5, "share", low=0, high=1)


@dataclasses.dataclass(frozen=True)
class WoodOptions(Options):
    """Of another oven."""

    logs: int = option(3, "pieces", low=1)


@dataclasses.dataclass(frozen=True)
class StoveOptions(Options):
    """Of what only the cooling reads."""

    air: int = option(0, "draught", low=0)


@dataclasses.dataclass(frozen=True)
class ToyConfig(Config):
    """Of a toy job."""

    bake: BakeOptions = dataclasses.field(default_factory=BakeOptions)
    stove: StoveOptions = dataclasses.field(default_factory=StoveOptions)
    oven: Options = dataclasses.field(default_factory=Options)


def flour(setting):
    """A user's file."""
    return setting.folder.path.parent / "flour.txt"


def work(setting, name, answer=None):
    """Counts how often a stage ran, in a file outside of the work folder."""
    if setting.should_stop() == "refuse":
        raise UserError("no flour")
    path = setting.folder.path.parent / "ran.txt"
    text = path.read_text() if path.exists() else ""
    path.write_text(text + name + "\n")
    folder = setting.folder.path / name
    folder.mkdir(exist_ok=True)
    if setting.should_stop() in (True, name):
        (folder / "half.txt").write_text(f"{setting.config.bake.degrees}")
        raise Stopped(None)
    made = flour(setting).read_text() if flour(setting).exists() else ""
    (folder / "result.txt").write_text(f"{setting.config.bake.degrees}{made}")
    return answer


def check_heat(setting):
    """That of the last stage, for which the first would work in vain."""
    if setting.config.bake.degrees > 300:
        raise UserError("bake.degrees: got more than 300")


BAKE = Stage("bake", lambda setting: work(setting, "bake"), ("seed", "bake", "oven"))
COOL = Stage(
    "cool",
    lambda setting: work(setting, "cool", "cold"),
    ("seed", "stove"),
    needed=lambda config: config.bake.oven != "none",
    check=lambda setting: check_heat(setting),
)
TELL = Stage("tell", lambda setting: ["one", "two"])
TASTE = Stage("taste", lambda setting: work(setting, "taste"), ("seed",))
ASK = Stage("ask", lambda setting: iter(["yes"]))
TOY = Job(
    name="toy",
    summary="-",
    example="-",
    config=ToyConfig,
    groups={"bake": BakeOptions, "stove": StoveOptions},
    setting=Setting,
    chains={"all": (BAKE, COOL, TELL), "taste": (BAKE, TASTE)},
    families={
        "oven": Family(
            "bake.oven", {"gas": ("gas", GasOptions), "wood": ("wood", WoodOptions)}
        )
    },
    inputs={
        "bake": lambda setting: {"flour": file_content(flour(setting), "flour")},
    },
    answers={"ask": ASK},
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a stage of the toy job; returns what it says and which stages worked."""

    monkeypatch.setattr(runner, "environment", lambda command: {"command": command})

    def run_stage(stage="all", stop=False, **overrides):
        values = default_config_of(TOY)
        for name, value in overrides.items():
            group, _, field = name.partition("__")
            if field:
                values[group][field] = value
            else:
                values[group] = value
        said = []
        setting = Setting(
            TOY,
            read_config_of(TOY, values),
            WorkFolder(tmp_path / "run"),
            should_stop=lambda: stop,
            say=said.append,
        )
        ran = tmp_path / "ran.txt"
        ran.write_text("")
        try:
            answer = run_stages(setting, stage, COMMAND)
        except Stopped:
            answer = "stopped"
        return answer, ran.read_text().split(), said

    return run_stage


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


def test_another_option_is_refused_only_where_it_was_read(run, tmp_path):
    run()
    before = (tmp_path / "run" / "config.json").read_text()
    with pytest.raises(
        RunError, match=r"bake stage was made with gas\.flame=0\.5, got"
    ):
        run(gas__flame=0.25)
    with pytest.raises(RunError, match=r"bake\.oven='gas', got 'wood'"):
        run(bake__oven="wood")
    assert (tmp_path / "run" / "config.json").read_text() == before
    _, ran, _ = run(wood__logs=7)  # the options of an oven that is not used
    assert ran == []


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


def content(folder):
    """What counts of a run: what the stages made, and of which options."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name in ("result.txt", "half.txt"):
            found[path.relative_to(folder).as_posix()] = path.read_text()
        elif path.name in ("done.json", "started.json"):
            found[path.relative_to(folder).as_posix()] = read_json(path)["options"]
    return found


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


def test_seconds_add_up_over_interruptions(run, tmp_path, monkeypatch):
    clock = iter([10.0, 12.5, 100.0, 101.25, 200.0, 200.5])
    busy = iter([(1, 2, 3, 4, 0), (2, 3, 4, 6, 9), *[(0,) * 5] * 3, (0, 0, 7, 0, 0)])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(stopwatch.os, "times", lambda: next(busy))
    run(stop=True)
    run(bake__oven="gas", stop="cool")
    folder = WorkFolder(tmp_path / "run")
    # 1 + 1 + 1 + 2 s in the first part of "bake"; children count, the clock does not.
    assert spent_by_stage(folder, TOY) == {"bake": (3.75, 5.0), "cool": (0.5, 7.0)}


def test_a_stage_that_was_barely_begun_does_not_lock_the_folder(run):
    assert run(stop=True)[0] == "stopped"
    _, ran, said = run(bake__degrees=150)
    assert "bake: was begun with bake.degrees=200, got 150: anew" in said
    assert ran == ["bake", "cool"]


@pytest.mark.parametrize("seconds", [61.0, 0.0])  # a killed stage has said no time
def test_a_stage_of_a_minute_or_unknown_time_is_kept(run, tmp_path, seconds):
    run(stop=True)
    path = tmp_path / "run" / "bake" / "started.json"
    write_sealed(path, {**read_sealed(path, ""), "seconds": seconds})
    with pytest.raises(RunError, match=r"bake stage was made with bake\.degrees=200"):
        run(bake__degrees=150)


def test_a_stage_with_rows_is_kept(run, tmp_path, monkeypatch):
    rows = dataclasses.replace(BAKE, rows=("bake",))
    monkeypatch.setitem(TOY.chains, "all", (rows, COOL, TELL))
    run(stop=True)
    WorkFolder(tmp_path / "run").log("bake", epoch=1)
    with pytest.raises(RunError, match=r"bake stage was made with bake\.degrees=200"):
        run(bake__degrees=150)


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


def test_changed_files_of_a_finished_stage_are_named(run, tmp_path):
    run()
    file = tmp_path / "run" / "bake" / "result.txt"
    file.write_text("201")
    message = r"bake/result.txt: not as the bake stage left it; put it back, or --stage"
    with pytest.raises(RunError, match=message):
        run()
    with pytest.raises(RunError, match=message):
        run("cool")
    file.write_text("200")
    assert run()[1] == []
    file.unlink()
    with pytest.raises(RunError, match=r"bake/result.txt: missing, though the bake st"):
        run()
    assert run("bake")[1] == ["bake", "cool"]


def test_a_mark_that_is_gone_is_named(run, tmp_path):
    run()
    (tmp_path / "run" / "bake" / "done.json").unlink()
    with pytest.raises(
        RunError,
        match=r"bake/done.json: missing, though the cool stage was begun after it; put "
        r"it back, or --stage=bake does it again",
    ):
        run()
    (tmp_path / "run" / "cool" / "done.json").unlink()
    (tmp_path / "run" / "cool" / "started.json").unlink()
    with pytest.raises(RunError, match=r"cool/started.json: missing, though the stage"):
        run()
    assert run("bake")[1] == ["bake", "cool"]


def test_another_stage_before_it_is_seen(run, tmp_path):
    run()
    shutil.copytree(tmp_path / "run" / "cool", tmp_path / "cool")
    run("bake", seed=0, bake__degrees=150)
    shutil.rmtree(tmp_path / "run" / "cool")
    shutil.copytree(tmp_path / "cool", tmp_path / "run" / "cool")
    with pytest.raises(RunError, match=r"cool stage was made with bake\.degrees=200"):
        run(bake__degrees=150)
    run("bake")
    file, mark_file = (
        tmp_path / "run" / "bake" / name for name in ("result.txt", "done.json")
    )
    file.write_text("another bread, by the same options")
    mark = read_sealed(mark_file, "")
    mark["files"]["bake/result.txt"] = digest_file(file)
    write_sealed(mark_file, mark)
    with pytest.raises(RunError, match=r"cool stage was made with another bake stage"):
        run()
    assert run("cool")[1] == ["cool"]


def test_users_files_are_part_of_what_a_stage_is_made_of(run, tmp_path):
    file = tmp_path / "flour.txt"
    file.write_text("rye")
    run()
    assert run()[1] == []
    file.write_text("rye")  # touched
    assert run()[1] == []
    file.write_text("oat")
    message = r"bake stage was made with another flour \(.*flour.txt has changed\); use"
    for stage in ("all", "cool", "taste"):
        with pytest.raises(RunError, match=message):
            run(stage)
    assert run("bake")[1] == ["bake", "cool"]
    assert run()[1] == []
    file.unlink()
    with pytest.raises(RunError, match=r"another flour \(.*flour.txt is missing\)"):
        run()


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


def test_an_option_that_is_new_counts_as_its_default(run, tmp_path):
    run()
    shutil.rmtree(tmp_path / "run" / "cool")
    for name in ("done", "started"):
        path = tmp_path / "run" / "bake" / f"{name}.json"
        mark = read_sealed(path, "")
        del mark["options"]["gas"]["flame"]
        write_sealed(path, mark)
    assert run()[1] == ["cool"]
    with pytest.raises(RunError, match=r"gas\.flame=0\.5, got 0\.75"):
        run(gas__flame=0.75)


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
    monkeypatch.setattr(sys.modules[__name__], "check_heat", lambda setting: 1 / 0)
    assert run()[1] == []


def test_a_stage_that_was_killed_before_it_left_anything_binds_nothing(run, tmp_path):
    run("bake", stop=True)  # marks and half a result
    (tmp_path / "run" / "bake" / "half.txt").unlink()
    assert [path.name for path in (tmp_path / "run" / "bake").iterdir()] == [
        "started.json"
    ]
    assert run(bake__degrees=150)[1] == ["bake", "cool"]


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
