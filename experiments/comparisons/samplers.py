"""Which paths to train: does the supernet rank better?

A supernet of `nas_bench_macro` is trained on CIFAR-10, reduced to 16 x 16 pixels, with
a small budget, the same number of trained paths for every sampler (`strict_fair` trains
all three ops of every layer in a step, so it gets a third of the epochs), and scores a
random sample of the 6,561 architectures, whose accuracies after stand-alone training
(on whole images) are known. Kendall's tau between both, by seed.

python -m experiments.comparisons.samplers --data_dir=FOLDER [--quick]
    [--out=rows.jsonl]
    [--seeds=3] [--images=5000] [--epochs=6] [--archs=300] [--only=uniform,...]
"""

import os
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
from absl import app, flags, logging

from configs import nas_bench_macro
from experiments.measuring.rows import table, write_rows
from qnas_jax.data import DataOptions, Dataset, load
from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.jobs import open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.rank import score_archs
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.supernet import train_supernet
from qnas_jax.runs import WorkFolder

SETTINGS: dict[str, Mapping[str, Any]] = {
    "uniform": {"sampler": "uniform"},
    "fair": {"sampler": "fair"},
    "strict fair": {"sampler": "strict_fair"},
    "balance pool, 5 archs, share .5": {"pool_size": 5, "pool_share": 0.5},
    "balance pool, 5 archs, share .2": {"pool_size": 5, "pool_share": 0.2},
    "balance pool, 5 archs, share .8": {"pool_size": 5, "pool_share": 0.8},
    "balance pool, 20 archs, share .5": {"pool_size": 20, "pool_share": 0.5},
}
"""What is compared; `balance_pool` where no sampler is named."""


def run(
    base: ml_collections.ConfigDict,
    known: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    seeds: Sequence[int],
) -> Iterator[dict[str, Any]]:
    """Trains and ranks.

    Args:
      base: configuration of the supernet and of scoring; its epochs are those of the
        samplers that train one path a step, a multiple of 3.
      known: architectures [N, L] and their true accuracies [N].
      names: keys of `SETTINGS`.
      seeds: a supernet each.

    Yields:
      A row a setting and seed: Kendall's tau by accuracy and by loss, seconds.
    """
    archs, truth = known
    for seed in seeds:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                setting = _setting(base, pathlib.Path(folder), name, seed)
                before = time.perf_counter()
                train_supernet(setting)
                trained = time.perf_counter()
                found = score_archs(setting, archs)
                yield {
                    "sampler": name,
                    "seed": seed,
                    "tau": _tau(found["accuracy"], truth),
                    "tau by loss": _tau(-found["loss"], truth),
                    "training s": trained - before,
                    "epochs": base.supernet.epochs,
                    "images": base.data.max_train,
                    "architectures": len(archs),
                }


def _tau(scores: np.ndarray, truth: np.ndarray) -> float:
    """Kendall's tau; 0 for scores that are all equal, which rank nothing."""
    if np.ptp(scores) == 0:
        return 0.0
    return rank_agreement(scores, truth)["kendall_tau"]


def _setting(
    base: ml_collections.ConfigDict, folder: pathlib.Path, name: str, seed: int
) -> NasSetting:
    config = base.copy_and_resolve_references()
    options = {"sampler": "balance_pool", "pool_every": 1, **SETTINGS[name]}
    paths_a_step = 3 if options["sampler"] == "strict_fair" else 1
    config.seed = seed
    config.supernet.update(epochs=config.supernet.epochs // paths_a_step, **options)
    return open_setting(
        config, WorkFolder(folder), say=lambda line: None, progress=_silent
    )


def _silent(items: Any, total: int, name: str) -> Any:
    del total, name
    return items


def write_reduced(dataset: Dataset, factor: int, file: pathlib.Path) -> None:
    """Writes a data set with smaller images, as an npz file that jobs read.

    Args:
      dataset: images of a height and width that `factor` divides.
      factor: pixels of each side whose mean is one new pixel.
      file: where to.
    """
    arrays = {}
    for name in ("train", "valid", "test"):
        split = getattr(dataset, name)
        count, height, width, channels = split.inputs.shape
        tiles = split.inputs.reshape(
            count, height // factor, factor, width // factor, factor, channels
        )
        arrays[f"x_{name}"] = np.rint(tiles.mean(axis=(2, 4))).astype(np.uint8)
        arrays[f"y_{name}"] = split.targets
    np.savez(file, **arrays)


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation of tau over the seeds of each sampler."""
    summary = []
    for name in dict.fromkeys(row["sampler"] for row in rows):
        group = [row for row in rows if row["sampler"] == name]
        line: dict[str, Any] = {"sampler": name, "seeds": len(group)}
        for field in ("tau", "tau by loss", "training s"):
            values = np.array([row[field] for row in group])
            line[field] = float(values.mean())
            if field != "training s":
                line[f"sd {field}"] = float(values.std(ddof=len(values) > 1))
        summary.append(line)
    return summary


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    archs, truth = TRUTHS["nas_bench_macro"](_DATA_DIR.value)
    chosen = np.random.default_rng(0).permutation(len(archs))[: _ARCHS.value]
    names = _ONLY.value or list(SETTINGS)[: 4 if _QUICK.value else None]
    seeds = range(1 if _QUICK.value else _SEEDS.value)
    with tempfile.TemporaryDirectory() as folder:
        config = _base(pathlib.Path(folder))
        rows = []
        for row in run(config, (archs[chosen], truth[chosen]), names, seeds):
            rows.append(row)
            write_rows(_OUT.value, rows)  # What is done is kept.
    summary = summarise(rows)
    print(table(summary, list(summary[0])))


def _base(folder: pathlib.Path) -> ml_collections.ConfigDict:
    """The configuration of all jobs, on reduced images that lie in a folder."""
    config = nas_bench_macro.get_config()
    config.data.update(data_dir=_DATA_DIR.value, max_train=_IMAGES.value, max_valid=500)
    file = folder / "reduced.npz"
    write_reduced(load(DataOptions(**config.data)), 2, file)
    config.data.update(source="npz", path=str(file))
    config.supernet.update(epochs=_EPOCHS.value, pool_examples=128)
    config.supernet_images.update(crop_padding=2)
    config.search.update(population=25)
    config.scoring.update(score_examples=256, score_chunk=256)
    return config


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _SEEDS = flags.DEFINE_integer(
        "seeds", 3, "supernets of each setting", lower_bound=1
    )
    _IMAGES = flags.DEFINE_integer("images", 5000, "training images", lower_bound=64)
    _EPOCHS = flags.DEFINE_integer(
        "epochs", 6, "epochs, a multiple of 3", lower_bound=3
    )
    _ARCHS = flags.DEFINE_integer("archs", 300, "architectures ranked", lower_bound=2)
    _ONLY = flags.DEFINE_list("only", [], "settings; all by default")
    _QUICK = flags.DEFINE_bool("quick", False, "one seed, the first four settings")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
