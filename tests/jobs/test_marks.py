"""What marks know of a stage: what it was made of, what it left, its time."""

import dataclasses
import functools
import shutil

import pytest
from toy_job import BAKE, COOL, TELL, TOY, run_toy

from qnas_jax.files import digest_file
from qnas_jax.jobs import runner, stopwatch
from qnas_jax.jobs.markers import spent_by_stage
from qnas_jax.runs import (
    RunError,
    WorkFolder,
    read_sealed,
    write_sealed,
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a stage of the toy job; returns what it says and which stages worked."""
    monkeypatch.setattr(runner, "environment", lambda command: {"command": command})
    return functools.partial(run_toy, tmp_path)


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


def test_a_stage_that_was_killed_before_it_left_anything_binds_nothing(run, tmp_path):
    run("bake", stop=True)  # marks and half a result
    (tmp_path / "run" / "bake" / "half.txt").unlink()
    assert [path.name for path in (tmp_path / "run" / "bake").iterdir()] == [
        "started.json"
    ]
    assert run(bake__degrees=150)[1] == ["bake", "cool"]


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
