"""The wheel as somebody has it who never saw the project: built and run elsewhere."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
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


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python words in an empty folder that sees the wheel and no checkout."""
    target, empty = (tmp_path_factory.mktemp(name) for name in ("site", "empty"))
    words = ["install", "--no-deps", "--no-index", "--quiet", f"--target={target}"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, str(wheel)], check=True, timeout=300
    )

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=empty,
            capture_output=True,
            text=True,
            timeout=500,
            env={**os.environ, "PYTHONPATH": str(target), "QNAS_DATA_DIR": ""},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.command = lambda *words: run(str(target / "bin" / "qnas"), *words)
    run.folder, run.target = empty, target
    return run


MOST_PARAMS = 700  # which three of the six networks of the space keep
SHORT = {
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
FUNCTION = """
import qnas_jax as qnas

def evaluate(arch):
    return arch["depth"] - abs(arch["kernel"] - 5)

space = {"depth": [1, 2, 3, 4], "kernel": [3, 5, 7]}
print(qnas.__file__, qnas.search(space, evaluate, budget=12).best)
"""


def write_own_data(folder):
    """Dark squares and bright ones, and two new ones."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    images = rng.integers(0, 100, (200, 8, 8)) + 150 * labels[:, None, None]
    images = images.astype(np.uint8)
    np.savez(folder / "mine.npz", x_train=images, y_train=labels)
    np.savez(folder / "new.npz", x=images[:2])


def test_from_a_wheel_to_a_comparison_in_an_empty_folder(installed, space_file):
    """Own data, own space and a budget; a model, predictions, a cost, a comparison."""
    assert "\ndigits " in installed.command("list", "configs")
    write_own_data(installed.folder)
    own = {
        "data.source": "npz",
        "data.path": "mine.npz",
        "space.name": "tiny",
        "space.file": space_file,
        "constraints.max_params": MOST_PARAMS,
    }
    flags = [f"--config.{name}={value}" for name, value in {**own, **SHORT}.items()]
    said = installed.command("--config=digits", *flags)
    for start in ("winner: ", "accuracy: ", "cost: ", "model: ", "predict: qnas "):
        assert f"\n{start}" in said
    folder = installed.folder / "runs" / "digits"
    assert (folder / "report.html").is_file()
    history = (folder / "search" / "history.jsonl").read_text().splitlines()
    costs = [json.loads(line)["costs"]["params"] for line in history]
    assert 1 < len(costs) <= 3 and max(costs) <= MOST_PARAMS
    words = ("--stage=predict", "--workdir=runs/digits", "--input=new.npz")
    answers = map(json.loads, installed.command(*words).splitlines())
    assert [answer["class"] in ("0", "1") for answer in answers] == [True, True]
    solved = installed.command(
        "--config=solver_maxcut", "--config.solver.optimiser=exhaustive"
    )
    assert "exhaustive: cost -12 at " in solved
    words = ("compare", "runs/digits", "runs/solver_maxcut", "--html=compared.html")
    compared = installed.command(*words)
    page = (installed.folder / "compared.html").read_text("utf-8")
    for word in ("runs/digits", "runs/solver_maxcut", "exhaustive"):
        assert word in compared and word in page


def test_from_a_wheel_a_function_of_ones_own(installed):
    file, best = installed("-c", FUNCTION).split(maxsplit=1)
    assert pathlib.Path(file).is_relative_to(installed.target)
    assert best.strip() == "{'depth': 4, 'kernel': 5}"
