"""What a command ends with: its exit status and one line."""

import errno
import os
import pathlib
import signal

import numpy as np
import pytest
from ml_collections import ConfigDict

from qnas_jax.jobs import default_config, launch
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py", "--config=a.py"]


def launched(tmp_path, config=None, stage="solve") -> int:
    return launch.launch(
        config or default_config("solve"),
        stage=stage,
        workdir=tmp_path / "run",
        archs=None,
        command=COMMAND,
    )


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    monkeypatch.setattr(launch, "use_compilation_cache", lambda: None)


def test_a_users_mistake_is_status_2(tmp_path, capsys):
    assert launched(tmp_path) == 2
    assert "error: problem.file: got ''" in capsys.readouterr().err
    assert not (tmp_path / "run" / "solve").exists()  # nothing that binds it
    assert launched(tmp_path, stage="rank") == 2
    assert "job='solve', expected one such as configs/digits.py" in (
        capsys.readouterr().err
    )
    config = default_config()
    config.job = "bake"
    assert launched(tmp_path, config) == 2
    assert "job: got 'bake', allowed: one of nas, benchm" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "how"), [(Stopped(None), ""), (None, " at once")])
def test_ctrl_c_is_status_130(tmp_path, capsys, monkeypatch, error, how):
    def stopped(*arguments):
        raise error or KeyboardInterrupt

    monkeypatch.setattr(launch, "run_stages", stopped)
    assert launched(tmp_path) == 130
    expected = f"stopped{how}; to go on: python main.py --config=a.py\n"
    assert capsys.readouterr().err == expected


def test_a_fault_is_status_1_and_keeps_its_traceback(tmp_path, capsys, monkeypatch):
    def fault(*arguments):
        raise ValueError("two\nlines")  # a foreign one: not the user's

    monkeypatch.setattr(launch, "run_stages", fault)
    assert launched(tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    path = tmp_path / "run" / "traceback.txt"
    assert line == f"fault: ValueError: two lines; the traceback is in {path}"
    assert "in fault" in path.read_text()


def test_a_fault_without_a_folder_keeps_its_traceback(tmp_path, capsys, monkeypatch):
    def fault(*arguments, **options):
        raise ValueError("no folder")

    monkeypatch.setattr(launch, "WorkFolder", fault)
    assert launched(tmp_path) == 1
    path = pathlib.Path(capsys.readouterr().err.split(" is in ")[1].strip())
    assert "no folder" in path.read_text()
    path.unlink()


def test_a_full_disk_is_one_line_and_status_2(tmp_path, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(launch, "run_stages", full)
    assert launched(tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'run'}: No space left on device; free")
    assert not (tmp_path / "run" / "traceback.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_ask_to_stop_as_ctrl_c_does(
    tmp_path, capsys, monkeypatch, number
):
    def stopped(setting, stage, command):
        signal.raise_signal(number)
        assert setting.should_stop()
        raise Stopped

    monkeypatch.setattr(launch, "run_stages", stopped)
    assert launched(tmp_path) == 128 + number
    assert capsys.readouterr().err.endswith("to go on: python main.py --config=a.py\n")


def test_who_reads_the_answer_may_stop_reading(tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(launch, "run_stages", lambda *arguments: ["line"])
    with open(writer, "w") as closed:
        monkeypatch.setattr("sys.stdout", closed)
        assert launched(tmp_path) == 0


def test_what_is_no_configuration_is_said(tmp_path, capsys):
    assert launched(tmp_path, 3) == 2
    assert "--config: got int 3 from get_config(), exp" in capsys.readouterr().err
    config = ConfigDict({"job": "nas", "data": 3})
    assert launched(tmp_path, config, "all") == 2
    assert "data: got 3, allowed: a group with some of" in capsys.readouterr().err
    config = default_config()
    with config.ignore_type():
        config.search.population = np.int64(8)
    assert launched(tmp_path, config, "all") == 2
    assert "search.population: got np.int64(8), allow" in capsys.readouterr().err
