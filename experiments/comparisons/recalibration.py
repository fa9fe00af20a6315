"""How many images should recalibrate batch statistics before a subnet is scored?

The weights of one trained supernet score architectures whose true accuracies are known,
with the supernet's running statistics (0) and with statistics of the first 256, 1,024
and 6,400 training images through each subnet. Kendall's tau by loss and by accuracy;
the difference of tau by loss to the first row has a 95 % bootstrap interval over
architectures, each draw the same for all rows. Nothing but the statistics differs.

python main.py --config=configs/nas_bench_macro.py --workdir=FOLDER --stage=supernet
python -m experiments.comparisons.recalibration --workdir=FOLDER [--out=rows.jsonl] \
    [--images=0,256,1024,6400] [--archs=1000]
"""

import dataclasses
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import ml_collections
import numpy as np
from absl import app, flags, logging
from scipy import stats

from experiments.measuring.rows import table, write_rows
from qnas_jax.errors import UserError
from qnas_jax.evaluation import ScoringOptions
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs import open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import read_truth
from qnas_jax.runs import WorkFolder, read_object

_RESAMPLES = 500


def open_run(folder: pathlib.Path) -> NasSetting:
    """The run of a work folder, with the configuration that it was made with.

    Args:
      folder: its supernet stage is finished.

    Raises:
      RunError: there is no run, or it is damaged.
    """
    values = read_object(folder / "config.json")
    values.pop("layout", None)
    return open_setting(ml_collections.ConfigDict(values), WorkFolder(folder))


def score(
    setting: NasSetting, archs: np.ndarray, images: int
) -> tuple[dict[str, np.ndarray], float]:
    """Scores architectures with recalibrated or running statistics.

    Args:
      setting: the run.
      archs: int32 [N, L].
      images: that recalibrate; 0: the running statistics.

    Returns:
      The task's metrics by name, float32 [N]; processor seconds an architecture,
      without the first call, which compiles (with it, if there is but one).

    Raises:
      UserError: there are fewer training images.
    """
    most = len(setting.reduced.dataset.train)
    if images > most:
        raise UserError(
            f"--images: got {images}, expected 0..{most}, those of training"
        )
    options: ScoringOptions = dataclasses.replace(
        setting.config.scoring,
        statistics="recalibrate" if images else "running",
        calibration_examples=max(images, 1),
    )
    evaluator = setting.supernet_evaluator(options)(setting.weights)
    size = min(setting.config.search.population, len(archs))
    parts: list[dict[str, np.ndarray]] = []
    seconds = []
    for first in range(0, len(archs), size):
        batch = archs[first : first + size]
        before = time.process_time()
        found = evaluator(setting.key("rank"), np.resize(batch, (size, archs.shape[1])))
        metrics = {name: np.asarray(each) for name, each in found.metrics.items()}
        parts.append({name: each[: len(batch)] for name, each in metrics.items()})
        seconds.append((time.process_time() - before) / size)
        logging.info("%d images: %d of %d", images, first + len(batch), len(archs))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return joined, float(np.mean(seconds[1:] or seconds))


def run(
    setting: NasSetting, archs: np.ndarray, truth: np.ndarray, counts: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Scores with each number of images.

    Args:
      setting: the run.
      archs: int32 [N, L].
      truth: their true accuracies [N].
      counts: numbers of images; the first is what others are compared with.

    Yields:
      A row a number.
    """
    draws = np.random.default_rng(0).integers(
        0, len(archs), (_RESAMPLES, len(archs)), dtype=np.int32
    )
    first: np.ndarray | None = None
    valid, _ = setting.reduced.valid
    for images in counts:
        found, seconds = score(setting, archs, images)
        by_loss = _taus(-found["loss"], truth, draws)
        first = by_loss if first is None else first
        low, high = np.quantile((by_loss - first)[1:], (0.025, 0.975))
        yield {
            "images": images,
            "tau by loss": float(by_loss[0]),
            "tau by accuracy": float(_tau(found["accuracy"], truth)),
            f"against {counts[0]}": float(by_loss[0] - first[0]),
            "95% low": float(low),
            "95% high": float(high),
            "s an arch": seconds,
            "architectures": len(archs),
            "space": setting.space.name,
            "seed": setting.config.seed,
            "epochs": setting.config.supernet.epochs,
            "scored images": setting.config.scoring.score_examples or len(valid),
        }


def _taus(scores: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Tau of all architectures, then of each draw, float [1 + draws]."""
    whole = [_tau(scores, truth)]
    return np.asarray(whole + [_tau(scores[each], truth[each]) for each in draws])


def _tau(scores: np.ndarray, truth: np.ndarray) -> float:
    """Kendall's tau-b; what is not finite is worst, and only ties rank nothing."""
    scores = np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf)
    if (scores == scores[0]).all():
        return 0.0
    return float(stats.kendalltau(scores, truth).statistic)


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    setting = open_run(pathlib.Path(_WORKDIR.value))
    archs, truth = read_truth(setting)
    chosen = np.random.default_rng(0).permutation(len(archs))
    chosen = chosen[: _ARCHS.value or None]
    rows = []
    for row in run(
        setting, archs[chosen], truth[chosen], list(map(int, _IMAGES.value))
    ):
        rows.append({**row, "workdir": _WORKDIR.value})
        write_rows(_OUT.value, rows)  # What is done is kept.
    print(table(rows, list(rows[0])[:7]))


if __name__ == "__main__":
    use_huge_pages()
    _WORKDIR = flags.DEFINE_string("workdir", None, "a run's folder", required=True)
    _IMAGES = flags.DEFINE_list(
        "images", ["0", "256", "1024", "6400"], "to recalibrate"
    )
    _ARCHS = flags.DEFINE_integer(
        "archs", 1000, "a random sample; 0: all", lower_bound=0
    )
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
