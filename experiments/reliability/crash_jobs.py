"""Small jobs that reach every stage, for runs that are killed.

All are real jobs by the command line: three layers of small blocks on scikit-learn's
digits, or a user's function that no network stands behind.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

from experiments.measuring.small_space import small_space_file

_TRUTHS = """
import itertools

import numpy as np

from qnas_jax.evaluation import TRUTHS

ARCHS = np.asarray(list(itertools.product(range(2), range(3))), np.int32)
TRUTHS["small"] = lambda folder: (ARCHS, np.linspace(0.1, 0.6, len(ARCHS)))
"""
_SPACE = _TRUTHS + small_space_file(
    "small", small='"c1", "conv", kernel=1', wide='"c3", "conv", kernel=3'
)

_RECIPES = """
from qnas_jax.spaces import SearchSpace, register_space

SPACE = SearchSpace("recipes", (("rye", "oat", "corn"),) * 20)
register_space("recipes", lambda shape, outputs: SPACE)


def evaluate(arch):
    return sum(name == "oat" for name in arch) + 0.1 * (arch[0] == arch[-1])
"""

_QUBO = "1.0,-2.0,0.5,0.0\n0.0,0.5,-1.0,0.25\n0.0,0.0,1.5,-3.0\n0.0,0.0,0.0,0.75\n"

_DIGITS = {
    "data.max_train": 160,
    "data.max_valid": 80,
    "data.max_test": 80,
    "space.name": "small",
    "space.file": "{files}/space.py",
    "supernet.epochs": 3,
    "supernet.batch_size": 32,
    "supernet.pool_share": 0.5,
    "supernet.pool_start": 1,
    "supernet.pool_every": 1,
    "supernet.pool_population": 4,
    "supernet.pool_examples": 40,
    "search.generations": 4,
    "search.population": 2,
    "search.strategy": "qbit",
    "scoring.calibration_examples": 64,
    "scoring.score_chunk": 32,
    "constraints.max_params": 0,
    "retrain.epochs": 3,
    "retrain.batch_size": 32,
    "retrain.random_picks": 0,
    "export.onnx": False,
    "export.latency_seconds": 0.01,
    "checkpoints.steps": 4,
    "checkpoints.kept": 3,
}


@dataclasses.dataclass(frozen=True)
class CrashJob:
    """A command.

    Attributes:
      config: name of a file in `configs`.
      overrides: fields of it; `{files}` stands for the folder of `write_files`.
      stage: that of the command.
      measured: artefacts that hold times; their numbers are not compared.
    """

    config: str
    overrides: Mapping[str, object]
    stage: str = "all"
    measured: tuple[str, ...] = ()

    def arguments(
        self, files: pathlib.Path, workdir: pathlib.Path, seed: int = 0
    ) -> list[str]:
        """Of `main.py`."""
        values = {"seed": seed, **self.overrides}
        return [
            f"--config=configs/{self.config}.py",
            f"--stage={self.stage}",
            f"--workdir={workdir}",
            *(
                f"--config.{name}={str(value).format(files=files)}"
                for name, value in values.items()
            ),
        ]


JOBS = {
    "digits": CrashJob("digits", _DIGITS),
    "reference": CrashJob(
        "digits",
        _DIGITS
        | {
            "search.score": "fused",
            "fused.terms": "macs,params",
            "fused.reference": 5,
            "fused.calibrate": 5,
            "train.epochs": 1,
            "train.batch_size": 32,
            "train.at_once": 1,
            "supernet.epochs": 1,
            "supernet.pool_share": 0.0,
            "retrain.epochs": 1,
        },
    ),
    "trained": CrashJob(
        "digits",
        _DIGITS
        | {
            "evaluator.name": "train",
            "train.epochs": 2,
            "train.batch_size": 32,
            "train.at_once": 1,
            "retrain.epochs": 1,
        },
    ),
    "search": CrashJob(
        "digits",
        {
            "space.name": "recipes",
            "space.file": "{files}/recipes.py",
            "evaluator.name": "function",
            "evaluator.file": "{files}/recipes.py",
            "search.generations": 120,
            "search.population": 4,
            "constraints.max_params": 0,
            "checkpoints.minutes": 0.002,
        },
    ),
    "rank": CrashJob(
        "digits",
        _DIGITS
        | {
            "supernet.epochs": 1,
            "supernet.pool_share": 0.0,
            "rank.terms": "macs,params",
        },
        stage="rank",
    ),
    "latency": CrashJob(
        "digits",
        _DIGITS
        | {
            "latency.seconds": 0.005,
            "latency.at_once": 2,
            "latency.calibrate": 2,
            "latency.validate": 2,
        },
        stage="latency",
        measured=("latency.json", "latency/rows.jsonl"),
    ),
    "benchmark": CrashJob(
        "benchmark_own_table",
        {"benchmark.seeds": 40, "benchmark.seeds_at_once": 2},
        stage="benchmark",
    ),
    "solve": CrashJob(
        "solver_maxcut",
        {
            "problem.file": "{files}/qubo.csv",
            "solver.optimiser": "simulated_annealing",
            "solver.runs": 40,
        },
        stage="solve",
    ),
}


def write_files(folder: pathlib.Path) -> None:
    """Writes what the jobs read: spaces, a function, a cost of four bits."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"space.py": _SPACE, "recipes.py": _RECIPES, "qubo.csv": _QUBO}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
