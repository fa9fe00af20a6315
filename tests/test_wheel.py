"""The wheel as somebody has it who never saw the project: built and run elsewhere."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

import qnas_jax

ROOT = pathlib.Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without network, by the installed build tool."""
    pytest.importorskip("hatchling", reason="the build tool is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", *words, f"--wheel-dir={folder}", str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (found,) = folder.glob("*.whl")
    return found


def test_a_wheel_holds_what_runs_need_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"qnas_jax-{qnas_jax.__version__}-py3-none-any.whl"
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"qnas_jax", f"qnas_jax-{qnas_jax.__version__}.dist-info"}
    inside = {name for name in names if name.startswith("qnas_jax/configs/")}
    shipped = (ROOT / "configs").rglob("*.*")
    assert inside == {
        f"qnas_jax/{path.relative_to(ROOT).as_posix()}"
        for path in shipped
        if path.suffix != ".pyc"
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert zipfile.ZipFile(wheel).getinfo("qnas_jax/data/digits.npz").file_size < 1e5


def test_the_installed_command_runs_a_job_in_an_empty_folder(
    wheel, tmp_path, space_file
):
    target, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    words = ["install", "--no-deps", "--no-index", "--quiet", f"--target={target}"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, str(wheel)], check=True, timeout=300
    )

    def run(*arguments):
        return subprocess.run(
            [sys.executable, str(target / "bin" / "qnas"), *arguments],
            cwd=empty,
            capture_output=True,
            text=True,
            timeout=500,
            env={**os.environ, "PYTHONPATH": str(target), "QNAS_DATA_DIR": ""},
        )

    listed = run("list", "configs")
    assert listed.returncode == 0 and "\ndigits " in listed.stdout
    tiny = {
        "space.name": "tiny",
        "space.file": space_file,
        "constraints.max_params": 0,
        "data.max_train": 160,
        "data.max_test": 80,
        "supernet.epochs": 1,
        "supernet.batch_size": 32,
        "search.generations": 2,
        "search.population": 4,
        "retrain.epochs": 2,
        "retrain.batch_size": 32,
        "retrain.random_picks": 0,
        "export.onnx": False,
        "export.latency_seconds": 0.01,
    }
    flags = [f"--config.{name}={value}" for name, value in tiny.items()]
    done = run("--config=digits", *flags)
    assert done.returncode == 0, done.stderr
    for start in ("winner: ", "accuracy: ", "cost: ", "model: ", "predict: qnas "):
        assert f"\n{start}" in done.stdout
    assert (empty / "runs" / "digits" / "report.html").is_file()
    solved = run("--config=solver_maxcut", "--config.solver.optimiser=exhaustive")
    assert "exhaustive: cost -12 at " in solved.stdout, solved.stderr
    compared = run("compare", "runs/digits", "runs/solver_maxcut")
    assert compared.returncode == 0, compared.stderr
    for word in ("runs/digits ", "runs/solver_maxcut ", "exhaustive"):
        assert word in compared.stdout
