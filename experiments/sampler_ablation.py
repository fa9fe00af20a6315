"""Which paths to train: does the supernet rank better?

A supernet of `nas_bench_macro` is trained on CIFAR-10 with a small budget, the same
number of trained paths for every sampler (`strict_fair` trains all three ops of every
layer in a step, so it gets a third of the epochs), and scores a random sample of the
6,561 architectures, whose accuracies after stand-alone training are known. Kendall's
tau between both, by seed.

python -m experiments.sampler_ablation --data_dir=FOLDER [--quick] [--out=rows.jsonl]
"""

import os
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from configs import nas_bench_macro
from experiments.rows import table, write_rows
from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.launch import use_compilation_cache
from qnas_jax.runs import WorkFolder
from qnas_jax.stages import Setting, read_config
from qnas_jax.stages.rank import score_archs
from qnas_jax.stages.supernet import train_supernet

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
    names: Sequence[str],
    seeds: Sequence[int],
    *,
    data_dir: str,
    images: int,
    epochs: int,
    num_archs: int,
    score_images: int,
) -> Iterator[dict[str, Any]]:
    """Trains and ranks.

    Args:
      names: keys of `SETTINGS`.
      seeds: a supernet each.
      data_dir: folder of the data.
      images: training images.
      epochs: for the samplers of one path a step, a multiple of 3.
      num_archs: architectures that are ranked.
      score_images: validation images that score each.

    Yields:
      A row a setting and seed: Kendall's tau by accuracy and by loss, seconds.
    """
    archs, truth = TRUTHS["nas_bench_macro"](data_dir)
    chosen = np.random.default_rng(0).permutation(len(archs))[:num_archs]
    for name in names:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                setting = _setting(
                    pathlib.Path(folder), name, seed, images, epochs, score_images
                )
                before = time.perf_counter()
                train_supernet(setting)
                trained = time.perf_counter()
                accuracy, loss = score_archs(setting, archs[chosen]).T
                yield {
                    "sampler": name,
                    "seed": seed,
                    "tau": _tau(accuracy, truth[chosen]),
                    "tau by loss": _tau(-loss, truth[chosen]),
                    "training s": trained - before,
                    "images": images,
                    "epochs": epochs,
                    "architectures": num_archs,
                }


def _tau(scores: np.ndarray, truth: np.ndarray) -> float:
    return rank_agreement(scores, truth)["kendall_tau"]


def _setting(
    folder: pathlib.Path,
    name: str,
    seed: int,
    images: int,
    epochs: int,
    score_images: int,
) -> Setting:
    config = nas_bench_macro.get_config()
    options = {"sampler": "balance_pool", "pool_every": 1, **SETTINGS[name]}
    paths_a_step = 3 if options["sampler"] == "strict_fair" else 1
    config.seed = seed
    config.data.update(max_train=images, max_valid=max(score_images, 500))
    config.supernet.update(epochs=epochs // paths_a_step, pool_images=128, **options)
    config.search.update(score_images=score_images, score_chunk=score_images)
    return Setting(
        read_config(config), WorkFolder(folder), say=lambda line: None, progress=_silent
    )


def _silent(items: Any, total: int, name: str) -> Any:
    del total, name
    return items


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


_DATA_DIR = flags.DEFINE_string(
    "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
)
_SEEDS = flags.DEFINE_integer("seeds", 3, "supernets of each setting", lower_bound=1)
_IMAGES = flags.DEFINE_integer("images", 5000, "training images", lower_bound=64)
_EPOCHS = flags.DEFINE_integer("epochs", 6, "epochs, a multiple of 3", lower_bound=3)
_QUICK = flags.DEFINE_bool("quick", False, "one seed, 1,000 images, the samplers only")
_OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    rows = list(
        run(
            list(SETTINGS)[: 4 if _QUICK.value else None],
            range(1 if _QUICK.value else _SEEDS.value),
            data_dir=_DATA_DIR.value,
            images=1000 if _QUICK.value else _IMAGES.value,
            epochs=3 if _QUICK.value else _EPOCHS.value,
            num_archs=100 if _QUICK.value else 500,
            score_images=250 if _QUICK.value else 500,
        )
    )
    summary = summarise(rows)
    print(table(summary, list(summary[0])))
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    app.run(main)
