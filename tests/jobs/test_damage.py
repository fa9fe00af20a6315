"""Every artefact of finished and half-done work folders, damaged in every way.

A damaged folder ends in the undamaged result, or in one line that names the file and
what to do; and what the line says helps.
"""

import functools
import itertools
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
from job_runs import COMMAND, result_of, run_in

from qnas_jax.errors import UserError
from qnas_jax.jobs import default_config, run_stages, runner
from qnas_jax.runs import RunError
from qnas_jax.stopping import Stopped

TABLE = pathlib.Path(__file__).resolve().parents[2] / "configs/tables/example.csv"


def change_lines(change):
    def damage(path):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(change(lines)))

    return damage


def flip_digit(place):
    def damage(path):
        content = bytearray(path.read_bytes())
        digits = [i for i, byte in enumerate(content) if byte in b"0123456789"]
        if digits:
            where = digits[int(place * (len(digits) - 1))]
            content[where] = ord("7") if content[where] != ord("7") else ord("3")
        path.write_bytes(bytes(content))

    return damage


def make_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "deleted": pathlib.Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, max(0, path.stat().st_size - 3)),
    "half": lambda path: path.write_bytes(
        path.read_bytes()[: path.stat().st_size // 2]
    ),
    "a folder": make_folder,
    "a list": lambda path: path.write_bytes(b"[]\n"),
    "no fields": lambda path: path.write_bytes(b"{}\n"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "digit at first": flip_digit(0.0),
    "digit in the middle": flip_digit(0.5),
    "digit at last": flip_digit(1.0),
    "line dropped": change_lines(lambda lines: lines[1:]),
    "last line dropped": change_lines(lambda lines: lines[:-1]),
    "line doubled": change_lines(lambda lines: lines[:2] + lines[1:]),
    "row put in": change_lines(lambda lines: [*lines[:1], b"{}\n", *lines[1:]]),
}
IGNORED = ("report.html", "environment.json", ".lock")  # written, and never read


def artefacts(folder):
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in IGNORED
        and "checkpoints" not in path.relative_to(folder).parts
    ]


_FOLLOWED = 4  # every fourth line; 15 kinds of damage, so each of them comes up
REMEDIES = r"--stage=\w+|--workdir|delete it|put it back|move it away"


def follow(message, path, run):
    """Does what a line says."""
    again = re.search(r"--stage=(\w+) does it again", message)
    if again:
        run(again[1])
    elif "delete it" in message:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        run("all")
    elif "--workdir" not in message:
        shutil.move(path, path.with_name("moved away"))
        try:
            run("all")
        except UserError as error:  # now it is missing
            follow(str(error), path, run)


def check_all_damages(made, tmp_path, run, expected, names=None):
    """Damages every artefact of a folder in every way.

    Args:
      made: the folder.
      tmp_path: where copies may lie.
      run: (folder, stage) runs the job.
      expected: the undamaged result.
      names: of the artefacts; all of them if None. What a line says is followed only
        then, now and then, as stages take long.

    Returns:
      How many were refused, and how many ended in the same result.
    """
    refused, same = [], []
    every = itertools.product(names or artefacts(made), DAMAGES.items())
    for number, (name, (kind, damage)) in enumerate(every):
        folder = tmp_path / str(number)
        shutil.copytree(made, folder)
        path = folder / name
        damage(path)
        case = f"{name}: {kind}"
        try:
            run(folder, "all")
        except UserError as error:
            message = str(error)
            assert "\n" not in message and len(message) < 600, case
            assert str(folder) in message, (case, message)
            assert re.search(REMEDIES, message), (case, message)
            followed = names is None and number % _FOLLOWED == 0
            if followed:
                follow(message, path, functools.partial(run, folder))
            if followed and "--workdir" not in message:
                assert result_of(folder) == expected, (case, message)
            refused.append(case)
        else:
            assert result_of(folder) == expected, case
            same.append(case)
        shutil.rmtree(folder)
    return refused, same


def test_a_search(search_config, tmp_path, quick):
    made = tmp_path / "made"
    run_in(made, search_config)
    expected = result_of(made)
    assert {"best_arch.json", "search/history.jsonl", "metrics.jsonl"} <= set(expected)

    def run(folder, stage):
        run_in(folder, search_config, stage)

    refused, same = check_all_damages(made, tmp_path, run, expected)
    assert len(refused) > 60
    assert "search/history.jsonl: digit in the middle" in refused
    assert "search/history.jsonl: deleted" in refused

    half = tmp_path / "half"
    with pytest.raises(Stopped):
        run_in(half, search_config, stop_after=2)
    assert not (half / "best_arch.json").exists()
    refused, same = check_all_damages(half, tmp_path, run, expected)
    assert "search/history.jsonl: line doubled" in refused
    assert "search/history.jsonl: cut" in same  # as a kill leaves it


def test_a_solver(tmp_path, quick):
    np.savetxt(tmp_path / "q.csv", [[1.0, -2.0], [0.0, 0.5]], delimiter=",")
    config = default_config("solve")
    config.problem.file = str(tmp_path / "q.csv")
    config.solver.update(optimiser="exhaustive", runs=2)
    run_in(tmp_path / "made", config)
    expected = result_of(tmp_path / "made")
    assert expected["solution.json"]["cost"] == -0.5

    def run(folder, stage):
        run_in(folder, config, stage)

    check_all_damages(tmp_path / "made", tmp_path, run, expected)
    half = tmp_path / "half"
    with pytest.raises(Stopped):
        run_in(half, config, stop_after=2)
    check_all_damages(half, tmp_path, run, expected)


def test_a_benchmark(tmp_path, quick, monkeypatch):
    stored = {"qnas_jax": "1", "versions": {}, "commit": None}
    monkeypatch.setattr(runner, "environment", lambda command: stored)
    config = default_config("benchmark")
    config.table.update(source="file", file=str(TABLE), arch_columns=("op_*",))
    config.table.update(validation_columns="valid_a", test_columns=("test",))
    config.search.update(strategy="random", population=2)
    config.benchmark.update(seeds=3, seeds_at_once=2, budgets=(4.0, 10.0))
    made = tmp_path / "made"
    run_in(made, config)

    def run(folder, stage):
        run_in(folder, config, stage)

    names = ["benchmark/searches-0.npz", "benchmark/done.json", "rows.jsonl"]
    check_all_damages(made, tmp_path, run, result_of(made), names=names)
    half = tmp_path / "half"
    with pytest.raises(Stopped):
        run_in(half, config, stop_after=2)
    (name,) = names[:1]
    check_all_damages(half, tmp_path, run, result_of(made), names=[name])


@pytest.mark.slow
def test_trained_networks(finished_folder, tiny_config, tmp_path, quick):
    """What training leaves; nothing here has to be trained again."""
    expected = result_of(finished_folder)

    def run(folder, stage):
        run_in(folder, tiny_config, stage)

    names = [
        "supernet/done.json",
        "supernet/started.json",
        "supernet/checkpoints.json",
        "retrain/done.json",
        "retrain/winner/result.json",
        "retrain/networks.json",
        "export/done.json",
        "model/network.py",
        "model/weights.safetensors",
        "model/network.stablehlo",
        "model/model.json",
        "model/README.md",
        "metrics.jsonl",
        "result.json",
    ]
    refused, same = check_all_damages(
        finished_folder, tmp_path, run, expected, names=names
    )
    assert "result.json: digit in the middle" in same  # written anew
    assert "export/done.json: deleted" in same  # it goes on, and is made anew
    assert "retrain/done.json: deleted" in refused  # the export came after it
    assert not any("networks.json" in case for case in same)
    assert not any("model/" in case for case in same)


@pytest.mark.slow
def test_a_front(finished, tiny_config, make_setting, tmp_path, quick):
    tiny_config.search.objectives = ("accuracy", "params")
    made = finished.folder.path
    run_stages(make_setting(tiny_config), "search", COMMAND)
    for kind, damage in DAMAGES.items():
        folder = tmp_path / "damaged"
        shutil.copytree(made, folder)
        damage(folder / "search" / "front.json")
        with pytest.raises(RunError, match="damaged/search/front.json") as caught:
            run_in(folder, tiny_config, "retrain")
        assert "--stage=search does it again" in str(caught.value), kind
        shutil.rmtree(folder)


@pytest.mark.slow
def test_rows_of_latencies(tiny_config, tmp_path, make_setting):
    """A stopped stage does not go on from rows that were changed."""
    tiny_config.latency.update(seconds=0.005, at_once=2, calibrate=2, validate=2)
    setting = make_setting(tiny_config, folder="made", stop_after=3)
    with pytest.raises(Stopped):
        run_stages(setting, "latency", COMMAND)
    for kind in ("digit at first", "digit in the middle", "line dropped", "row put in"):
        folder = tmp_path / kind
        shutil.copytree(setting.folder.path, folder)
        DAMAGES[kind](folder / "latency" / "rows.jsonl")
        with pytest.raises(RunError, match=r"latency/rows\.jsonl, line \d") as caught:
            run_in(folder, tiny_config, "latency")
        assert "do it again by --stage=latency" in str(caught.value)


@pytest.mark.slow
def test_a_search_without_weights_is_refused_before_anything_is_wiped(
    finished, tiny_config, make_setting
):
    path = finished.folder.path
    before = result_of(path)
    message = "supernet/checkpoints holds no checkpoint, though the stage is finished; "
    shutil.rmtree(path / "supernet" / "checkpoints")
    with pytest.raises(RunError, match=message + ".*do it again by --stage=supernet"):
        run_stages(make_setting(tiny_config), "search", COMMAND)
    assert result_of(path) == before
    run_stages(make_setting(tiny_config), "all", COMMAND)  # all is finished
