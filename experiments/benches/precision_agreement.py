"""Do bfloat16 scores of a trained supernet rank architectures as float32 ones do?

python main.py --config=configs/digits.py --workdir=FOLDER --stage=all
python -m experiments.benches.precision_agreement --config=configs/digits.py
    --workdir=FOLDER
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from absl import app, flags, logging
from ml_collections import config_flags
from scipy import stats as statistics

from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import random_archs
from qnas_jax.evaluation import Weights
from qnas_jax.evaluation.scoring import PRECISIONS
from qnas_jax.jobs import open_setting
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import WorkFolder


def run(
    setting: NasSetting, weights: Weights, *, num_archs: int = 100
) -> list[dict[str, Any]]:
    """Scores the same random architectures in both precisions.

    Args:
      setting: the run whose supernet it is; its scoring options and validation images.
      weights: the supernet's parameters and running statistics.
      num_archs: distinct random architectures.

    Returns:
      A row for the accuracies and one for the losses: Kendall tau (b) between the
      precisions, the largest difference, and the range of the float32 values.
    """
    archs = _distinct_archs(setting, num_archs)
    scores = []
    for precision in PRECISIONS:
        options = dataclasses.replace(setting.config.scoring, precision=precision)
        evaluator = setting.supernet_evaluator(options)(weights)
        scores.append(evaluator(setting.key("rank"), archs).metrics)
    rows = []
    for name in ("accuracy", "loss"):
        exact, rounded = (np.asarray(each[name]) for each in scores)
        rows.append(
            {
                "score": name,
                "architectures": len(archs),
                "images": len(evaluator.targets),
                "Kendall tau": float(statistics.kendalltau(exact, rounded).statistic),
                "largest difference": float(np.abs(exact - rounded).max()),
                "smallest": float(exact.min()),
                "largest": float(exact.max()),
            }
        )
    return rows


def _distinct_archs(setting: NasSetting, count: int) -> jnp.ndarray:
    drawn = random_archs(setting.space, 10 * count)
    _, first = np.unique(drawn, axis=0, return_index=True)
    return jnp.asarray(drawn[np.sort(first)[:count]])


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    logging.set_verbosity(logging.WARNING)  # the progress of checkpoints
    folder = WorkFolder(pathlib.Path(str(_WORKDIR.value)))
    setting = open_setting(_CONFIG.value, folder)
    rows = run(setting, setting.weights, num_archs=_ARCHS.value)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    _CONFIG = config_flags.DEFINE_config_file("config", None, "of the run")
    _WORKDIR = flags.DEFINE_string("workdir", None, "folder of the run")
    _ARCHS = flags.DEFINE_integer("num_archs", 100, "random architectures")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(main)
