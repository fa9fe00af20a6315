"""Commands that are killed: the short form, and that a difference would be seen."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from experiments import crash_test
from experiments.reliability.artefacts import differing, read_artefacts
from qnas_jax.runs import RowLog, write_arrays, write_json


@pytest.mark.slow
def test_some_kills(tmp_path):
    """As the script does it: it forks, which a process with a device may not."""
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "experiments.crash_test", "--jobs=solve"]
    command += ["--kills=5", "--lives=4", f"--folder={tmp_path}", f"--out={out}"]
    done = subprocess.run(
        command,
        cwd=crash_test.pathlib.Path(crash_test.__file__).parents[1],
        env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 5 and {row["way"] for row in rows} <= set(crash_test.WAYS)
    assert [row["number"] for row in rows if row["life"] == 0] == list(
        range(sum(row["life"] == 0 for row in rows))
    )
    assert [row for row in rows if not row["survived"]] == []
    assert "| all | 5 | 5 |" in done.stdout


def make_run(folder, *, score=0.5, seconds=1.0, weight=2.0):
    folder.mkdir()
    write_json(folder / "result.json", {"score": score, "seconds": seconds})
    RowLog(folder / "metrics.jsonl").append([{"loss": score, "seconds": seconds}])
    write_arrays(folder / "registers.npz", weights=np.full(3, weight, np.float32))
    (folder / "report.html").write_text(f"<p>{score}</p>\n<p>{seconds} s in all</p>")
    return read_artefacts(folder)


def test_times_are_no_difference_and_all_else_is(tmp_path):
    first = make_run(tmp_path / "first")
    assert len(first) == 4
    assert differing(first, make_run(tmp_path / "later", seconds=2.0)) == []
    other = make_run(tmp_path / "other", score=0.6)
    assert differing(first, other) == ["metrics.jsonl", "report.html", "result.json"]
    other = make_run(tmp_path / "weights", weight=np.nextafter(np.float32(2), 3))
    assert differing(first, other) == ["registers.npz"]
    del other["result.json"]
    assert differing(first, other) == ["registers.npz", "result.json"]


def test_survivors_are_counted():
    rows = [{"way": w, "survived": s} for w, s in (("a", True), ("b", 0), ("b", True))]
    assert crash_test.summarise(rows, "way") == [
        {"way": "a", "survived": 1, "tried": 1},
        {"way": "b", "survived": 1, "tried": 2},
        {"way": "all", "survived": 2, "tried": 3},
    ]
