"""What makes a supernet rank better per unit of compute? One change at a time.

python -m experiments.comparisons.supernet_recipes --data_dir=FOLDER [--out=rows.jsonl]
    [--only=base,...] [--seeds=0,1,2] [--path_images=200000] [--width=0.25] [--side=16]
    [--equal=path_images|time] [--architectures=243] [--dir=SHARED]

A supernet of `nas_bench_macro`, narrowed, on CIFAR-10 images made smaller, is trained
by each recipe (`experiments/recipes/registry.py`) with as many path-images as the base,
or (`--equal=time`) with as many as fit into the base's processor time: the time of a
step is read from the rows of equal path-images. It scores a random sample of the space,
statistics recalibrated, and is set against the accuracies after stand-alone training.
Rows are kept as they come; what is among them is not done again, and several processes
share the work in a folder (`experiments/sweep.py`).
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags, logging

from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import read_rows, table
from experiments.recipes.recipe import Recipe, Setup, Trained
from experiments.recipes.registry import BASE, IMAGES, OPTIONS, RECIPES
from experiments.sweeping.work import all_rows
from qnas_jax import data
from qnas_jax.data import DataOptions, Dataset
from qnas_jax.evaluation import (
    TRUTHS,
    ScoringOptions,
    SupernetEvaluator,
    rank_agreement,
    supernet_evaluator,
)
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import BuildableSpace, narrowed
from qnas_jax.spaces.macro import nas_bench_macro
from qnas_jax.tasks import TaskOptions, make_task
from qnas_jax.tasks.image_classification import ImageTraining
from qnas_jax.training import SupernetOptions, TrainingBatches

_MEASURES = ("tau by loss", "tau by accuracy", "best tenth", "pick")
_BATCH = 256  # images of a batch of scoring or recalibration


class Laboratory:
    """Data, network and truth, the same for all recipes."""

    def __init__(
        self,
        dataset: Dataset,
        space: BuildableSpace,
        known: tuple[np.ndarray, np.ndarray],
        *,
        score_examples: int = 768,
        calibration_examples: int = 512,
    ):
        """Builds what scores.

        Args:
          dataset: images as the supernet sees them.
          space: of the narrowed networks.
          known: architectures [N, L] and their true accuracies [N].
          score_examples: validation images.
          calibration_examples: training images that make the statistics.
        """
        self._dataset = dataset
        self._task = make_task(TaskOptions(), dataset)
        self._supernet = build_supernet(space, "switch")
        self._costs = self._supernet.cost_table()
        self._archs, self._truth = known
        options = ScoringOptions(
            statistics="recalibrate",
            score_examples=min(score_examples, len(dataset.valid)),
            score_chunk=_BATCH,
            calibration_examples=calibration_examples,
            calibration_batch=_BATCH,
        )
        valid = data.on_device(dataset.valid)
        self._evaluator_of = supernet_evaluator(
            self._supernet, self._task, options, train=dataset.train, valid=valid
        )

    def try_recipe(
        self, recipe: Recipe, seed: int, path_images: int
    ) -> Iterator[dict[str, Any]]:
        """Trains by a recipe, and scores.

        Args:
          recipe: what is tried.
          seed: of weights, paths, batches.
          path_images: of the training.

        Yields:
          A row a variant that the recipe leaves to be scored.
        """
        images = ImageTraining(**{**IMAGES, **recipe.images})
        options = SupernetOptions(**{**OPTIONS, **recipe.options})
        task = self._task.with_options(images)
        setup = Setup(
            supernet=self._supernet,
            costs=self._costs,
            options=options,
            batches=TrainingBatches.of(self._dataset.train, task, options.batch_size),
            path_images=path_images,
            key=jax.random.key(seed),
        )
        started = time.process_time()
        variants, seconds = recipe.train(setup)
        trained = time.process_time() - started
        for variant, weights in variants.items():
            started = time.process_time()
            measured = self._measure(weights)
            yield {
                "variant": variant,
                "training s": seconds,
                "compiling s": trained - seconds,
                "scoring s": time.process_time() - started,
                **measured,
            }

    def _measure(self, trained: Trained) -> dict[str, float]:
        """The ranking of the known architectures."""
        archs, truth = self._archs, self._truth
        found = {name: np.zeros(len(archs)) for name in ("loss", "accuracy")}
        for part, weights in enumerate(trained.parts):
            own = np.ones(len(archs), bool)
            if trained.layer is not None:
                own = archs[:, trained.layer] == part
            metrics = _score(self._evaluator_of(weights), archs[own])
            for name, values in found.items():
                values[own] = metrics[name]
        return ranking(found["loss"], found["accuracy"], truth)


def _score(evaluator: SupernetEvaluator, archs: np.ndarray) -> dict[str, np.ndarray]:
    metrics = evaluator(jax.random.key(0), jnp.asarray(archs)).metrics
    return {name: np.asarray(values) for name, values in metrics.items()}


def ranking(
    loss: np.ndarray, accuracy: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    """How well losses and accuracies [N] of subnets agree with true accuracies [N].

    Returns:
      Kendall's tau by loss and by accuracy, by loss within the truly best tenth, and
      the true accuracy of the smallest loss.
    """
    best = truth >= np.quantile(truth, 0.9)
    return {
        "tau by loss": _tau(-loss, truth),
        "tau by accuracy": _tau(accuracy, truth),
        "best tenth": _tau(-loss[best], truth[best]),
        "pick": float(truth[loss.argmin()]),
        "mean accuracy": float(accuracy.mean()),
    }


def _tau(scores: np.ndarray, truth: np.ndarray) -> float:
    """Kendall's tau; 0 for what ranks nothing, as after a training that diverged."""
    if not np.isfinite(scores).all() or np.ptp(scores) == 0:
        return 0.0
    return rank_agreement(scores, truth)["kendall_tau"]


def grid_of(
    laboratory: Laboratory,
    names: Sequence[str],
    seeds: Sequence[int],
    path_images: int,
    *,
    equal: str = "path_images",
    known: Sequence[Mapping[str, Any]] = (),
    **scale: Any,
) -> Grid:
    """What is tried: a cell a recipe and seed, a seed after the other.

    Args:
      laboratory: where.
      names: of recipes.
      seeds: a training each.
      path_images: of the base.
      equal: `path_images`, or `time` as the base.
      known: rows that tell the time of a step, for equal times.
      **scale: what else a row should tell.
    """
    told = {"equal": equal, "base path-images": path_images, **scale}

    def compute(cell: Cell) -> Iterator[Row]:
        name, count = cell["recipe"], path_images
        if equal == "time":
            count = round(path_images * _speed(known, name, told))
        for row in laboratory.try_recipe(RECIPES[name], cell["seed"], count):
            yield {"path-images": count, **row}

    cells = [{"recipe": name, "seed": seed, **told} for seed in seeds for name in names]
    return Grid("supernet_recipes", cells, compute)


def _speed(
    rows: Sequence[Mapping[str, Any]], name: str, told: Mapping[str, Any]
) -> float:
    """Processor time of the base over that of a recipe, at equal path-images."""
    told = {**told, "equal": "path_images"}
    seconds = {
        recipe: [
            row["training s"]
            for row in rows
            if {"recipe": recipe, **told}.items() <= row.items()
        ]
        for recipe in (BASE, name)
    }
    return float(np.median(seconds[BASE]) / np.median(seconds[name]))


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a recipe and variant.

    Args:
      rows: of one scale.

    Returns:
      Means over the seeds, the standard deviation of tau by loss, and the mean and
      standard deviation of its difference to the base of the same seed.
    """
    base = {
        row["seed"]: row
        for row in rows
        if (row["recipe"], row["variant"]) == (BASE, "")
    }
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["recipe"], row["variant"], row["equal"])
        groups.setdefault(key, []).append(row)
    lines = []
    for (recipe, variant, equal), group in groups.items():
        line: dict[str, Any] = {
            "recipe": f"{recipe}, {variant}" if variant else recipe,
            "equal": equal.replace("_", "-"),
            "seeds": len(group),
            "training s": float(np.mean([row["training s"] for row in group])),
        }
        for name in _MEASURES:
            line[name] = float(np.mean([row[name] for row in group]))
        line["sd"] = _spread([row["tau by loss"] for row in group])
        gains = [
            row["tau by loss"] - base[row["seed"]]["tau by loss"]
            for row in group
            if row["seed"] in base
        ]
        line["gain"] = float(np.mean(gains)) if gains else float("nan")
        line["sd of gain"] = _spread(gains)
        lines.append(line)
    return lines


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    scale = {
        "width": _WIDTH.value,
        "side": _SIDE.value,
        "architectures": _ARCHS.value,
    }
    rows = read_rows(_OUT.value)
    grid = grid_of(
        _laboratory(),
        _ONLY.value or list(RECIPES),
        [int(seed) for seed in _SEEDS.value],
        _PATH_IMAGES.value,
        equal=_EQUAL.value,
        known=rows,
        **scale,
    )
    new = all_rows(grid, _OUT.value, _DIR.value)
    scale["base path-images"] = _PATH_IMAGES.value
    # Those of other flags too, as the base may be among them.
    rows = [row for row in rows if not grid.has(row)] + new
    summary = summarise([row for row in rows if scale.items() <= row.items()])
    print(table(summary, list(summary[0])))


def _laboratory() -> Laboratory:
    options = DataOptions(
        source="tfds",
        name="cifar10",
        data_dir=_DATA_DIR.value,
        max_train=45000,
        max_valid=5000,
        valid_fraction=0.1,
    )
    dataset = data.resized(data.load(options), _SIDE.value)
    space = nas_bench_macro(dataset.input_shape, dataset.num_classes)
    archs, truth = TRUTHS["nas_bench_macro"](_DATA_DIR.value)
    chosen = np.random.default_rng(1).permutation(len(archs))[: _ARCHS.value]
    known = archs[chosen], truth[chosen]
    return Laboratory(dataset, narrowed(space, _WIDTH.value), known)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _ONLY = flags.DEFINE_list("only", [], "recipes; all by default")
    _SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "a training each")
    _PATH_IMAGES = flags.DEFINE_integer(
        "path_images", 200_000, "of the base", lower_bound=1
    )
    _EQUAL = flags.DEFINE_enum(
        "equal", "path_images", ("path_images", "time"), "what recipes get alike"
    )
    _WIDTH = flags.DEFINE_float("width", 0.25, "share of the channels")
    _SIDE = flags.DEFINE_integer("side", 16, "of the images, in pixels")
    _ARCHS = flags.DEFINE_integer("architectures", 243, "ranked ones", lower_bound=20)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _DIR = flags.DEFINE_string("dir", None, "folder shared by several processes")
    app.run(main)
