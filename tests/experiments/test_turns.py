"""Processes that take turns, without JAX."""

import subprocess
import sys

from experiments.measuring import turns

CODE = """
import pathlib, sys, time
from experiments.measuring import turns
name, log = sys.argv[1], pathlib.Path(sys.argv[2])
time.sleep(float(sys.argv[3]))
with log.open("a") as file:
    print("compiled", name, file=file)
turns.take()
with log.open("a") as file:
    print("begins", name, file=file)
time.sleep(0.3)
with log.open("a") as file:
    print("ends", name, file=file)
"""


def test_all_compile_before_one_after_the_other_measures(tmp_path):
    log = tmp_path / "log"
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    shared = turns.environment(meeting, ["quick", "slow", "gone"])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, name, str(log), seconds],
            env={"PYTHONPATH": ":".join(sys.path), **turns.named(shared, name)},
        )
        for name, seconds in (("quick", "0"), ("slow", "0.5"))
    ]
    turns.ended(meeting, "gone")  # one that has failed is not waited for
    assert [each.wait(30) for each in running] == [0, 0]
    lines = log.read_text().splitlines()
    assert lines[:2] == ["compiled quick", "compiled slow"]
    order = [line.split() for line in lines[2:]]
    assert [what for what, _ in order] == ["begins", "ends"] * 2
    assert order[0][1] == order[1][1] != order[2][1] == order[3][1]


def test_alone_nobody_waits(monkeypatch):
    monkeypatch.delenv("QNAS_TURNS", raising=False)
    turns.take()
