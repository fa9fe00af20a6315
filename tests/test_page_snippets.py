"""The Python of README, documentation and notebooks runs as it stands."""

import json
import pathlib
import shutil
from typing import Any

import matplotlib
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from pages import PAGES, ROOT, Block, blocks, page_name

import qnas_jax
from qnas_jax.nets import OPS
from qnas_jax.spaces import SPACES

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
WITH_PYTHON = [
    page for page in PAGES if any(block.language == "python" for block in blocks(page))
]
_SLOW = {"tutorial", "own_strategy", "own_space"}
_SHORTER = {"SEEDS, BUDGET = 10, 60": "SEEDS, BUDGET = 2, 20"}  # in notebooks


def short_job(space_file: pathlib.Path) -> dict[str, Any]:
    """Options that make a job on digits one of seconds."""
    return {
        "space.name": "tiny",
        "space.file": str(space_file),
        "data.max_train": 60,
        "data.max_valid": 20,
        "data.max_test": 20,
        "supernet.epochs": 1,
        "supernet.batch_size": 16,
        "search.generations": 1,
        "search.population": 2,
        "retrain.epochs": 1,
        "retrain.batch_size": 16,
        "retrain.warmup_epochs": 0.0,
        "retrain.random_picks": 0,
        "constraints.max_params": 0,
        "export.onnx": False,
        "export.latency_seconds": 0.01,
    }


@pytest.fixture
def short_runs(monkeypatch, space_file):
    """`qnas_jax.run` runs the whole job, but a short one, and the same one once."""
    real, finished = qnas_jax.run, []

    def run(config, overrides=None, *, workdir, data=None, space=None):
        if finished and data is None:
            shutil.copytree(finished[0], workdir)
            return qnas_jax.Run(workdir)
        short = {**(overrides or {}), **short_job(space_file)}
        if space is not None:
            del short["space.name"], short["space.file"]
        given = {"workdir": workdir, "data": data, "space": space}
        found = real(config, short, progress=False, **given)
        finished.append(workdir)
        return found

    monkeypatch.setattr(qnas_jax, "run", run)


@pytest.fixture
def in_own_folder(tmp_path, monkeypatch):
    """What is written or registered is gone afterwards; figures are not shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    for names in (SPACES, OPS):
        for name in ("mine", "scale", "squares"):
            monkeypatch.setitem(names, name, None)


def run_block(block: Block, names: dict[str, Any]) -> None:
    """Runs a block in the names of its page; files that it names are written too."""
    first = block.text.partition("\n")[0]
    if first.startswith("# ") and first.endswith(".py"):
        pathlib.Path(first.removeprefix("# ")).write_text(block.text)
        names = {}  # a file of its own
    exec(compile(block.text, "<page>", "exec"), names)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page_name(page),
            marks=[pytest.mark.slow] if page_name(page) in _SLOW else [],
        )
        for page in WITH_PYTHON
    ],
)
def test_the_python_of_a_page(page, in_own_folder, short_runs):
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.note.startswith("needs: runs/"):
            qnas_jax.run("digits", workdir=block.note.removeprefix("needs: "))
        if block.language == "python":
            run_block(block, names)


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_the_cells_of_a_notebook(file, in_own_folder):
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in json.loads(file.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            for long, short in _SHORTER.items():
                source = source.replace(long, short)
            exec(compile(source, file.name, "exec"), names)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_kept_executed(file):
    cells = json.loads(file.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert "error" not in kinds and kinds


def test_there_are_notebooks_and_pages_with_python():
    assert len(NOTEBOOKS) == 2 and len(WITH_PYTHON) >= 6
