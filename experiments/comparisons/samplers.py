"""Which paths to train: which sampler ranks best for the same number of path-images?

A supernet of a space whose networks were all trained by its authors, an eighth of their
width on CIFAR-10 images of 16 x 16 pixels, is trained with each sampler and with a
balance pool on top, and scores a random sample of the space, statistics recalibrated. A
path-image is an image that passes through one path: a sampler of K paths an update gets
a K-th of the updates. Kendall's tau by loss and by accuracy, tau among the truly best
tenth and the true accuracy of the network that is picked by loss.

python -m experiments.comparisons.samplers --data_dir=FOLDER [--out=rows.jsonl]
    [--space=nas_bench_macro] [--only=fair,strict_fair,...] [--seeds=0,1,2]
    [--path_images=384000] [--images=16000] [--width=0.125] [--side=16] [--archs=320]
    [--dir=SHARED]

Rows are kept as they come; what is among them is not done again, and several processes
share the work in a folder (`experiments/sweep.py`). Seconds are those of
processors, with compilation unless the cache has the program. One core is enough
(`taskset -c 0`).
"""

import dataclasses
import itertools
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
from absl import app, flags, logging

from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import table
from experiments.measuring.seeds import mean_and_interval
from experiments.sweeping.work import all_rows
from qnas_jax.data import Dataset
from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.supernet import train_supernet
from qnas_jax.runs import WorkFolder
from qnas_jax.training import SupernetOptions, make_sampler


@dataclasses.dataclass(frozen=True)
class Contender:
    """A sampler, with a pool or without.

    Attributes:
      options: of `supernet`.
      pool_from: share of the training after which the pool is searched first; later
        searches follow after an eighth of it each.
    """

    options: Mapping[str, Any]
    pool_from: float = 0.0


def _pool(sampler: str, start: float, share: float, size: int) -> Contender:
    options = {"sampler": sampler, "pool_share": share, "pool_size": size}
    return Contender(options, start)


def _strata(by: str, number: int = 3) -> Contender:
    return Contender({"sampler": "stratified", "strata_by": by, "strata": number})


CONTENDERS = {
    "fair": Contender({"sampler": "fair"}),
    "uniform": Contender({"sampler": "uniform"}),
    "strict_fair": Contender({"sampler": "strict_fair"}),
    "macs_3": _strata("macs"),
    "macs_6": _strata("macs", 6),
    "params_3": _strata("params"),
    "ops_3": _strata("ops"),
    "depth_3": _strata("depth"),
    "sandwich_1": Contender({"sampler": "sandwich", "sandwich_paths": 1}),
    "sandwich_2": Contender({"sampler": "sandwich", "sandwich_paths": 2}),
    "fair_pool_quarter": _pool("fair", 0.25, 0.5, 5),
    "fair_pool_half": _pool("fair", 0.5, 0.5, 5),
    "strict_pool_quarter": _pool("strict_fair", 0.25, 0.5, 5),
    "strict_pool_half": _pool("strict_fair", 0.5, 0.5, 5),
    "strict_pool_late": _pool("strict_fair", 0.75, 0.5, 5),
    "strict_pool_half_share_.2": _pool("strict_fair", 0.5, 0.2, 5),
    "strict_pool_half_share_.8": _pool("strict_fair", 0.5, 0.8, 5),
    "strict_pool_half_size_20": _pool("strict_fair", 0.5, 0.5, 20),
}
"""What is compared, the first with all others."""

MEASURES = ("tau by loss", "tau by accuracy", "best tenth", "pick")
_PARTS = 8  # of a training, between which the pool is searched


def grid_of(
    base: ml_collections.ConfigDict,
    known: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    seeds: Sequence[int],
    path_images: int,
) -> Grid:
    """What is trained and ranked: a cell a contender and seed, seed by seed.

    Args:
      base: configuration of the data, of the supernet and of scoring.
      known: architectures [N, L] and their true accuracies [N].
      names: keys of `CONTENDERS`.
      seeds: a supernet each.
      path_images: of each training, rounded to whole epochs.
    """
    scale = scale_of(base, len(known[0]), path_images)
    dataset: list[Dataset] = []  # the same for all

    def compute(cell: Cell) -> Iterator[Row]:
        with tempfile.TemporaryDirectory() as folder:
            setting = _setting(base, pathlib.Path(folder), cell["seed"])
            if dataset:
                setting.dataset = dataset[0]
            dataset[:] = [setting.dataset]
            yield _row(setting, CONTENDERS[cell["sampler"]], known, path_images)

    cells = [
        {"sampler": name, "seed": seed, **scale}
        for seed, name in itertools.product(seeds, names)
    ]
    return Grid("samplers", cells, compute)


def scale_of(
    base: ml_collections.ConfigDict, num_archs: int, path_images: int
) -> dict[str, Any]:
    """What rows must have in common to be compared."""
    return {
        "space": base.space.name,
        "asked path-images": path_images,
        "images": base.data.max_train,
        "batch": base.supernet.batch_size,
        "learning rate": base.supernet.learning_rate,
        "width": base.supernet.width,
        "side": base.data.side,
        "architectures": num_archs,
    }


def _setting(
    base: ml_collections.ConfigDict, folder: pathlib.Path, seed: int
) -> NasSetting:
    config = base.copy_and_resolve_references()
    config.seed = seed
    setting = open_setting(
        config, WorkFolder(folder), say=lambda line: None, progress=_silent
    )
    assert isinstance(setting, NasSetting)
    return setting


def _silent(items: Any, total: int, name: str) -> Any:
    del total, name
    return items


def _row(
    setting: NasSetting,
    contender: Contender,
    known: tuple[np.ndarray, np.ndarray],
    path_images: int,
) -> dict[str, Any]:
    archs, truth = known
    steps = len(setting.dataset.train) // setting.config.supernet.batch_size
    options, paths = _options(setting, contender, path_images, steps)
    setting.config = dataclasses.replace(setting.config, supernet=options)
    started = time.process_time()
    train_supernet(setting)
    trained = time.process_time()
    found = _score(setting, archs)
    scored = time.process_time()
    macs = setting.costs.cost(archs)["macs"].astype(float)
    return {
        **measures(found, truth),
        "tau of macs": tau(macs, truth),
        "path-images": options.epochs * steps * options.batch_size * paths,
        "updates": options.epochs * steps,
        "training s": trained - started,
        "scoring s": scored - trained,
    }


def _options(
    setting: NasSetting, contender: Contender, path_images: int, steps: int
) -> tuple[SupernetOptions, int]:
    """Those of a training of so many path-images, and the paths of each step."""
    options = dataclasses.replace(setting.config.supernet, **contender.options)
    paths = make_sampler(
        options, setting.reduced.supernet.space, setting.costs
    ).num_paths
    epochs = max(1, round(path_images / (steps * options.batch_size * paths)))
    pool_start = max(1, round(contender.pool_from * epochs))
    pool_every = max(1, epochs // _PARTS)
    options = dataclasses.replace(
        options, epochs=epochs, pool_start=pool_start, pool_every=pool_every
    )
    return options, paths


def _score(setting: NasSetting, archs: np.ndarray) -> dict[str, np.ndarray]:
    """The task's metrics of architectures [N, L] by name, [N] each."""
    evaluator = setting.supernet_evaluator(setting.config.scoring)(setting.weights)
    size = setting.config.search.population
    parts = []
    for first in range(0, len(archs), size):
        batch = archs[first : first + size]
        filled = np.resize(batch, (size, archs.shape[1])).astype(np.int32)
        values = evaluator(setting.key("rank"), filled).metrics
        parts.append({name: np.asarray(values[name])[: len(batch)] for name in values})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def tau(scores: np.ndarray, truth: np.ndarray) -> float:
    """Kendall's tau; 0 for scores that are all equal, which rank nothing."""
    if np.ptp(scores) == 0:
        return 0.0
    return rank_agreement(scores, truth)["kendall_tau"]


def measures(found: Mapping[str, np.ndarray], truth: np.ndarray) -> dict[str, float]:
    """What a ranking is worth.

    Args:
      found: `loss` and `accuracy` of networks [N].
      truth: their accuracies after stand-alone training [N].

    Returns:
      The values of `MEASURES`.
    """
    best = np.argsort(-truth, kind="stable")[: max(2, len(truth) // 10)]
    return {
        "tau by loss": tau(-found["loss"], truth),
        "tau by accuracy": tau(found["accuracy"], truth),
        "best tenth": tau(-found["loss"][best], truth[best]),
        "pick": float(truth[found["loss"].argmin()]),
    }


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Means and standard deviations over seeds, and differences to the first sampler.

    Args:
      rows: of one scale.

    Returns:
      A line a sampler. The difference is that of tau by loss, mean and half the 95 %
      interval over the seeds that both have.
    """
    lines: list[dict[str, Any]] = []
    first = {row["seed"]: row for row in rows if row["sampler"] == rows[0]["sampler"]}
    for name in dict.fromkeys(row["sampler"] for row in rows):
        own = [row for row in rows if row["sampler"] == name]
        line: dict[str, Any] = {"sampler": name, "seeds": len(own)}
        for measure in MEASURES:
            values = np.array([row[measure] for row in own])
            line[measure] = float(values.mean())
            line[f"sd {measure}"] = float(values.std(ddof=1)) if len(own) > 1 else None
        pairs = [
            row["tau by loss"] - first[row["seed"]]["tau by loss"]
            for row in own
            if row["seed"] in first
        ]
        line["difference"], line["+-"] = mean_and_interval(np.array(pairs))
        for field in ("path-images", "training s"):
            line[field] = float(np.mean([row[field] for row in own]))
        lines.append(line)
    return lines


def base_config() -> ml_collections.ConfigDict:
    """The configuration of all trainings, as the flags say."""
    config = default_config()
    config.data.update(source="tfds", name="cifar10", data_dir=_DATA_DIR.value)
    config.data.update(max_train=_IMAGES.value, max_valid=1_000, max_test=64)
    config.data.side = _SIDE.value
    config.space.name = _SPACE.value
    config.supernet.update(batch_size=64, learning_rate=_RATE.value, width=_WIDTH.value)
    config.supernet.pool_examples = 500
    config.supernet_images.update(crop_padding=(_SIDE.value or 32) // 8, flip=True)
    config.search.population = 32
    config.scoring.update(statistics="recalibrate", calibration_examples=1_024)
    config.scoring.update(score_chunk=250, calibration_batch=256)
    return config


def main(_: Sequence[str]) -> None:
    """Prints the table of all rows of this scale."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    archs, truth = TRUTHS[_SPACE.value](_DATA_DIR.value)
    chosen = np.random.default_rng(0).permutation(len(archs))[: _ARCHS.value]
    known = archs[chosen], truth[chosen]
    config = base_config()
    names = _ONLY.value or list(CONTENDERS)
    seeds = [int(seed) for seed in _SEEDS.value]
    grid = grid_of(config, known, names, seeds, _PATH_IMAGES.value)
    own = all_rows(grid, _OUT.value, _DIR.value)
    own.sort(key=lambda row: list(CONTENDERS).index(row["sampler"]))
    summary = summarise(own)
    print(table(summary, list(summary[0])))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _SPACE = flags.DEFINE_enum("space", "nas_bench_macro", list(TRUTHS), "the space")
    _ONLY = flags.DEFINE_list("only", [], "contenders; all by default")
    _SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "a supernet each")
    _PATH_IMAGES = flags.DEFINE_integer(
        "path_images", 384_000, "of each training", lower_bound=1
    )
    _IMAGES = flags.DEFINE_integer("images", 16_000, "training images", lower_bound=64)
    _WIDTH = flags.DEFINE_float("width", 0.125, "share of the channels")
    _SIDE = flags.DEFINE_integer("side", 16, "pixels of an image's side")
    _RATE = flags.DEFINE_float("learning_rate", 0.05, "at the start")
    _ARCHS = flags.DEFINE_integer("archs", 320, "architectures ranked", lower_bound=20)
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    _DIR = flags.DEFINE_string("dir", None, "folder shared by several processes")
    app.run(main)
