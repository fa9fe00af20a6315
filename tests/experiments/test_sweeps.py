"""Sweeps in a shared folder: who works on what, and what kills leave of it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from experiments.measuring.grids import Grid
from experiments.measuring.rows import read_rows
from experiments.reliability import killed_sweeps
from experiments.sweeping.claims import Claims
from experiments.sweeping.shared import SharedGrid
from experiments.sweeping.toy import toy_grid
from experiments.sweeping.work import all_rows
from experiments.sweeping.workers import command_of, run_workers, submit
from qnas_jax.errors import UserError


def test_workers_that_are_killed_leave_the_rows_of_one_that_was_not(tmp_path):
    found = killed_sweeps.run(tmp_path, cells=60, workers=3, seconds=0.03, every=0.6)
    assert found["same rows"] and found["kills"] > 0


def claim_of(folder, **changes):
    """Makes the first claim of `a` look as if another process had made it."""
    with Claims(folder).held("a"):
        path = folder / "a.0"
        holder = json.loads(path.read_text())
    path.write_text(json.dumps(holder | changes))
    return path


def test_a_name_is_held_by_one(tmp_path):
    first, second = Claims(tmp_path), Claims(tmp_path)
    with first.held("a") as mine, second.held("a") as theirs, second.held("b") as other:
        assert (mine, theirs, other) == (True, False, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.0", "b.0"]


def test_the_claim_of_a_dead_process_is_taken_over_once(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    claim_of(tmp_path, process=gone.pid)
    with Claims(tmp_path).held("a") as mine, Claims(tmp_path).held("a") as again:
        assert mine and not again
    assert (tmp_path / "a.1").exists()


def test_a_number_that_another_process_got_is_no_sign_of_life(tmp_path):
    claim_of(tmp_path, born="1")
    with Claims(tmp_path).held("a") as mine:
        assert mine


@pytest.mark.parametrize("content", ["", json.dumps({"place": "elsewhere"})])
def test_claims_from_elsewhere_count_as_long_as_they_are_touched(tmp_path, content):
    path = claim_of(tmp_path)
    path.write_text(content)
    with Claims(tmp_path, lease=60.0).held("a") as mine:
        assert not mine
    before = path.stat().st_mtime - 61.0
    os.utime(path, (before, before))
    with Claims(tmp_path, lease=60.0).held("a") as mine:
        assert mine


def test_a_claim_is_touched_while_it_is_held(tmp_path):
    with Claims(tmp_path, lease=0.06).held("a"):
        os.utime(tmp_path / "a.0", (0, 0))
        while not (tmp_path / "a.0").stat().st_mtime:
            pass


def test_a_folder_is_of_one_grid(tmp_path):
    rows = SharedGrid(toy_grid(3), tmp_path).work()
    assert [row["number"] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert SharedGrid(toy_grid(3), tmp_path).work() == rows
    with pytest.raises(UserError, match=r"grid.json: got a folder of another grid"):
        SharedGrid(toy_grid(4), tmp_path)


def test_what_fails_is_told_and_stops_no_other(tmp_path):
    hopeless = [1]

    def compute(cell):
        if cell["x"] in hopeless:
            raise ArithmeticError("no number")
        yield {"y": cell["x"] + 1}

    grid = Grid("fragile", [{"x": x} for x in range(3)], compute)
    for _ in range(2):
        with pytest.raises(UserError, match=r"1 of 3 cells failed.*failed/00001"):
            SharedGrid(grid, tmp_path).work()
    (failure,) = (tmp_path / "failed").iterdir()
    assert "ArithmeticError: no number" in failure.read_text()
    failure.unlink()
    hopeless.clear()
    found = SharedGrid(grid, tmp_path).work()
    assert found == [{"x": x, "y": x + 1} for x in range(3)]


def test_rows_alone_are_those_of_a_folder(tmp_path):
    """Both say what made them, and know what they have."""
    out = str(tmp_path / "rows.jsonl")
    all_rows(toy_grid(2), out, None)
    all_rows(toy_grid(3), out, None)
    shared = all_rows(toy_grid(3), None, str(tmp_path / "shared"))
    assert read_rows(out) == shared and shared[0]["jax"]
    assert all_rows(toy_grid(2), out, None) == shared[:4]


def test_workers_that_fail_are_told_in_one_line(tmp_path):
    command = command_of("experiments.sweeping.toy --cells=none", tmp_path)
    with pytest.raises(UserError, match=r"workers/0.log: a worker ended with status 1"):
        run_workers(command, 1, tmp_path)
    with pytest.raises(UserError, match="ended with status -9"):
        run_workers(["sh", "-c", "kill -9 $$"], 1, tmp_path, 0.01)


def test_jobs_of_submitit(tmp_path):
    """As a cluster runs them; on this machine, and interrupted once."""
    words = "experiments.sweeping.toy --cells=30 --seconds=0.1"
    jobs = submit(
        command_of(words, tmp_path), 2, tmp_path, {"timeout_min": 5}, cluster="local"
    )
    while not list((tmp_path / "cells").glob("*.jsonl")):
        pass
    jobs[0]._interrupt()  # what a pre-emption sends; it is queued again
    for job in jobs:
        job.wait()
    SharedGrid(toy_grid(30), tmp_path / "alone").work()
    rows = (tmp_path / "rows.jsonl").read_bytes()
    assert rows == (tmp_path / "alone" / "rows.jsonl").read_bytes()
    with pytest.raises(UserError, match="--scheduler=slurm: "):
        assert shutil.which("sbatch") is None
        submit(["true"], 1, tmp_path, {})
