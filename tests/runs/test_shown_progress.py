"""What people see of a run's progress, on terminals and off them."""

import io
import os
import pty
import time

import pytest

from qnas_jax.runs import RowLog, ShownProgress, draws_bars


class Metrics:
    latest: dict = {}


def loop(shown, metrics, seconds):
    for step in shown(range(3), 3, "supernet"):
        time.sleep(seconds if step == 0 else 0.1)
        metrics.latest = {"stage": "supernet", "loss": 0.5, "accuracy": 0.25 * step}


def test_off_a_terminal_a_stage_says_lines():
    stream, metrics = io.StringIO(), Metrics()
    shown = ShownProgress(metrics, stream=stream, seconds=0.04)
    with shown.stage("supernet"):
        time.sleep(0.15)
        loop(shown, metrics, 0.2)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "supernet: working (0 min)"
    assert "supernet: compiling (0 min)" in lines
    done = "supernet: 2 of 3 (66 %), loss 0.5 accuracy 0.25 (0 min)"
    assert done in lines
    before = len(lines)
    time.sleep(0.1)
    assert len(stream.getvalue().splitlines()) == before


def test_a_short_stage_says_nothing():
    stream, metrics = io.StringIO(), Metrics()
    shown = ShownProgress(metrics, stream=stream)
    with shown.stage("supernet"):
        loop(shown, metrics, 0.0)
    assert stream.getvalue() == ""


def test_numbers_of_another_stage_are_not_shown():
    stream, metrics = io.StringIO(), Metrics()
    metrics.latest = {"stage": "supernet", "loss": 0.5}
    shown = ShownProgress(metrics, stream=stream, seconds=0.02)
    with shown.stage("search"):
        for _ in shown(range(2), 2, "search"):
            time.sleep(0.5)
    assert "search: 1 of 2 (50 %) (0 min)" in stream.getvalue()


@pytest.mark.parametrize("size", [(0, 0), (24, 100)])
def test_a_terminal_of_any_size_has_a_bar(size):
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    text = ""
    with open(theirs, "w") as stream:
        metrics = Metrics()
        shown = ShownProgress(metrics, stream=stream)
        with shown.stage("supernet"):
            loop(shown, metrics, 0.3)
            shown.say("a line")
        while "a line" not in text:
            text += os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "supernet: compiling:" in text and "0/3" in text
    assert "loss 0.5 accuracy 0.25" in text and "a line" in text


def test_a_notebook_has_a_bar():
    """Its stream is no terminal, but draws anew in its place."""
    kind = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    stream, metrics = kind(), Metrics()
    assert draws_bars(stream) and not draws_bars(io.StringIO())
    shown = ShownProgress(metrics, stream=stream, seconds=0.01)
    with shown.stage("supernet"):
        loop(shown, metrics, 0.1)
    text = stream.getvalue()
    assert "0/3" in text and "\r" in text and "working" not in text


def test_a_loop_that_fails_leaves_no_bar_behind():
    stream, metrics = io.StringIO(), Metrics()
    shown = ShownProgress(metrics, stream=stream, seconds=0.02)
    with pytest.raises(ValueError), shown.stage("supernet"):
        for _ in shown(range(3), 3, "supernet"):
            raise ValueError
    shown.say("next")
    time.sleep(0.1)
    assert stream.getvalue().splitlines()[-1] == "next"


def test_a_log_knows_its_latest_row(tmp_path):
    log = RowLog(tmp_path / "rows.jsonl")
    assert log.latest == {}
    log.append([{"stage": "a", "loss": 1.0}, {"stage": "b", "loss": 2.0}])
    log.append([])
    assert log.latest == {"stage": "b", "loss": 2.0}
