"""A tiny but real job: scikit-learn's digits, two layers, a few epochs."""

import functools
import json
import pathlib
import shutil

import ml_collections
import numpy as np
import pytest

from qnas_jax import data
from qnas_jax.jobs import Setting, default_config, open_setting, run_stages, runner
from qnas_jax.jobs.nas import report
from qnas_jax.reporting.rows import read_run
from qnas_jax.runs import WorkFolder

BREADS = """
from qnas_jax.spaces import SearchSpace, register_space

register_space(
    "breads", lambda shape, outputs: SearchSpace("breads", (("rye", "oat"),) * 3)
)
"""


def make_config(space: pathlib.Path) -> ml_collections.ConfigDict:
    """A job of some seconds, on a space given by a user's file."""
    config = default_config()
    config.data.update(max_train=160, max_valid=80, max_test=80)
    config.space.update(name="tiny", file=str(space))
    config.supernet.update(epochs=4, batch_size=32, learning_rate=0.1)
    config.supernet.update(pool_share=0.5, pool_start=1, pool_every=1)
    config.supernet.update(pool_population=4, pool_examples=40)
    config.search.update(generations=3, population=4)
    config.scoring.update(calibration_examples=64)
    config.scoring.update(score_chunk=32)
    config.retrain.update(epochs=2, batch_size=32, random_picks=0)
    config.export.update(onnx=False, latency_seconds=0.01)
    return config


class StopAfter:
    """Asks to stop when it was called a number of times."""

    def __init__(self, calls: int):
        self.left = calls

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def make_setting_in(
    folder: pathlib.Path, config: ml_collections.ConfigDict, stop_after: int = 10**9
) -> Setting:
    """A silent run in a folder, stopped after a number of steps and generations."""
    return open_setting(
        config,
        WorkFolder(folder),
        should_stop=StopAfter(stop_after),
        progress=lambda steps, total, description: steps,
        say=lambda line: None,
    )


@pytest.fixture(scope="session")
def finished_folder(made_once, space_file: pathlib.Path) -> pathlib.Path:
    """The finished run that many tests look at, made once."""

    def run(folder: pathlib.Path) -> None:
        setting = make_setting_in(folder, make_config(space_file))
        run_stages(setting, "all", ["python", "main.py"])

    return made_once("finished", run)


@pytest.fixture
def tiny_config(space_file: pathlib.Path) -> ml_collections.ConfigDict:
    """The configuration of the finished run, to be changed by a test."""
    return make_config(space_file)


@pytest.fixture
def make_setting(tmp_path: pathlib.Path):
    """Builds a setting for a configuration in a folder of the test."""

    def make(config, folder="run", stop_after=10**9) -> Setting:
        return make_setting_in(tmp_path / folder, config, stop_after)

    return make


@pytest.fixture
def finished(finished_folder, tiny_config, tmp_path, make_setting) -> Setting:
    """A copy of the finished run that a test may change."""
    shutil.copytree(finished_folder, tmp_path / "run")
    return make_setting(tiny_config)


@pytest.fixture
def quick(monkeypatch):
    """Data are loaded once, git is not asked, and the page is read but not drawn."""
    monkeypatch.setattr(data, "load", functools.cache(data.load))
    monkeypatch.setattr(runner, "environment", lambda command: {})

    def read_all(folder):
        read_run(folder)
        return folder / "report.html"

    monkeypatch.setattr(report, "write_report", read_all)


@pytest.fixture
def search_config(tiny_config, tmp_path):
    """A search that looks its scores up, in a space without networks."""
    (tmp_path / "space.py").write_text(BREADS)
    rows = [
        {"arch": list(arch), "score": float(np.dot(arch, (0.5, 0.25, 0.125)))}
        for arch in np.ndindex(2, 2, 2)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "known.jsonl").write_text(text)
    tiny_config.space.update(name="breads", file=str(tmp_path / "space.py"))
    tiny_config.evaluator.name = "recorded"
    tiny_config.recorded.file = str(tmp_path / "known.jsonl")
    tiny_config.search.update(strategy="random", population=2, generations=3)
    return tiny_config
