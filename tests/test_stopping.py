"""Signals: the first is a request, the second ends at once, none is lost."""

import signal
import subprocess
import sys

import pytest

from qnas_jax import stopping
from qnas_jax.stopping import StopRequest, exit_status, stop_line


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_the_first_signal_is_a_request_and_the_second_ends_at_once(number, capsys):
    before = signal.getsignal(number)
    ended = []
    with StopRequest(ended.append) as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop() and stop.number == number and not ended
        assert "stopping after the present step" in capsys.readouterr().err
        signal.raise_signal(number)
        assert ended == [number]
    assert signal.getsignal(number) is before


def test_the_second_ctrl_c_interrupts_where_nothing_else_is_said():
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_signals_are_given_back_after_errors():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), StopRequest():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_process_was_told_to_ignore_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_is_no_error(monkeypatch):
    class Gone:
        def write(self, text):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stderr", Gone())
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert stop()


STARTING = """
import signal
from qnas_jax import stopping
stopping.hold_signals()
signal.raise_signal(signal.SIGTERM)  # It waits until somebody can answer.
stopping.end_on_signals(["python", "main.py", "--workdir=a b"])
"""


def test_a_signal_before_the_run_is_one_line():
    done = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=60
    )
    line = "stopped; to go on: python main.py '--workdir=a b'\n"
    assert (done.returncode, done.stdout, done.stderr) == (143, "", line)


def test_words_and_numbers():
    assert [exit_status(number) for number in (1, 2, 15)] == [129, 130, 143]
    assert stop_line(["a"], "stopped at once") == "stopped at once; to go on: a\n"
