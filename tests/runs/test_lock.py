"""One process at a time in a work folder."""

import errno
import fcntl
import logging as python_logging
import os
import subprocess
import sys

import pytest

from qnas_jax.runs import RunError, WorkFolder


def test_the_second_one_is_refused_until_the_first_ends(tmp_path):
    first, second = WorkFolder(tmp_path), WorkFolder(tmp_path)
    message = f"{tmp_path} is in use by process {os.getpid()}; wait for it, or use an"
    with first.locked():
        with pytest.raises(RunError, match=message), second.locked():
            pass
        with pytest.raises(RunError, match=message), second.locked():
            pass  # the refused one has not freed it
    with second.locked():
        pass
    with pytest.raises(ZeroDivisionError), first.locked():
        raise ZeroDivisionError
    with second.locked():
        pass


def test_a_process_on_another_host_is_named(tmp_path):
    folder = WorkFolder(tmp_path)
    with folder.locked():
        (tmp_path / ".lock").write_text("17 elsewhere\n")
        with (
            pytest.raises(RunError, match="by process 17 on elsewhere;"),
            folder.locked(),
        ):
            pass


DIES = """
import os, sys
from qnas_jax.runs import WorkFolder

WorkFolder(sys.argv[1]).locked().__enter__()
os._exit(0)  # nothing is cleaned up
"""


def test_a_process_that_dies_lets_go(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path], check=True, timeout=60)
    assert (tmp_path / ".lock").read_text()
    with WorkFolder(tmp_path).locked():
        pass


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def no_locks(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    absl_logger = python_logging.getLogger("absl")
    absl_logger.addHandler(caplog.handler)
    try:
        with WorkFolder(tmp_path).locked():
            pass
    finally:
        absl_logger.removeHandler(caplog.handler)
    assert "no locks there ([Errno 37] No locks available); see to it" in caplog.text
