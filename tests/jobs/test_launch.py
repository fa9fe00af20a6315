"""What a command ends with: its exit status and one line."""

import pathlib

import pytest

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
        raise OSError("no space")

    monkeypatch.setattr(launch, "WorkFolder", fault)
    assert launched(tmp_path) == 1
    path = pathlib.Path(capsys.readouterr().err.split(" is in ")[1].strip())
    assert "no space" in path.read_text()
    path.unlink()
