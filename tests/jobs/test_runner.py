"""The runner, on a job of three stages that only write words."""

import dataclasses
import json
import sys

import ml_collections
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import Family, Job, Setting, Stage, run_stages
from qnas_jax.jobs.config import Config, default_config_of, read_config_of
from qnas_jax.options import OptionError, Options, option
from qnas_jax.runs import RunError, WorkFolder, read_json
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
class ToyConfig(Config):
    """Of a toy job."""

    bake: BakeOptions = dataclasses.field(default_factory=BakeOptions)
    oven: Options = dataclasses.field(default_factory=Options)


def work(setting, name, answer=None):
    """Counts how often a stage ran, in a file outside of the work folder."""
    path = setting.folder.path.parent / "ran.txt"
    text = path.read_text() if path.exists() else ""
    path.write_text(text + name + "\n")
    folder = setting.folder.path / name
    folder.mkdir(exist_ok=True)
    if setting.should_stop():
        (folder / "half.txt").write_text(f"{setting.config.bake.degrees}")
        raise Stopped(None)
    (folder / "result.txt").write_text(f"{setting.config.bake.degrees}")
    return answer


def check_heat(setting):
    """That of the last stage, for which the first would work in vain."""
    if setting.config.bake.degrees > 300:
        raise UserError("bake.degrees: got more than 300")


BAKE = Stage("bake", lambda setting: work(setting, "bake"), ("seed", "bake", "oven"))
COOL = Stage(
    "cool",
    lambda setting: work(setting, "cool", "cold"),
    ("seed",),
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
    groups={"bake": BakeOptions},
    setting=Setting,
    chains={"all": (BAKE, COOL, TELL), "taste": (BAKE, TASTE)},
    families={
        "oven": Family(
            "bake.oven", {"gas": ("gas", GasOptions), "wood": ("wood", WoodOptions)}
        )
    },
    answers={"ask": ASK},
)


@pytest.fixture
def run(tmp_path):
    """Runs a stage of the toy job; returns what it says and which stages worked."""

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
        "layout": 2,
        "job": "toy",
        "bake": {"degrees": 200, "oven": "gas"},
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


def test_a_deletion_that_was_cut_leaves_nothing_that_looks_finished(run, tmp_path):
    run()
    # What a kill after the first step of the deletions leaves behind.
    (tmp_path / "run" / "cool" / "done.json").unlink()
    _, ran, _ = run("bake")
    assert ran == ["bake", "cool"]


def test_an_option_that_is_new_counts_as_its_default(run, tmp_path):
    run()
    for name in ("done", "started"):
        path = tmp_path / "run" / "bake" / f"{name}.json"
        made_with = json.loads(path.read_text())
        del made_with["gas"]["flame"]
        path.write_text(json.dumps(made_with))
    assert run()[1] == []
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
    with pytest.raises(RunError, match="no finished bake stage; run --stage=all first"):
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
