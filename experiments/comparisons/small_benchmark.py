"""A benchmark of one's own: every network of a small space, trained on real data.

python -m experiments.comparisons.small_benchmark [--space=digits_tiny] [--networks=0]
    [--seeds=3] [--epochs=20] [--batch_size=64] [--source=digits] [--name=NAME]
    [--folder=runs/small_benchmark]

trains each network from scratch with each seed, side by side in one program
(`training/population.py`), and writes `table.csv`: ops, validation and test accuracy of
each seed, parameters, multiply-accumulates, seconds of a training. Stopped, the same
command goes on. Searches on the table then cost nothing:

python main.py --config=configs/benchmark_own_table.py --stage=benchmark \
    --config.table.file=runs/small_benchmark/table.csv \
    --config.table.arch_columns='op_*' --config.table.validation_columns='valid_*' \
    --config.table.test_columns='test_*' --config.table.seconds_columns=seconds \
    --config.table.cost_columns=params,macs

The scores of a search on the table are means over the seeds, and no weight sharing is
in them: the truth that rankings can be held against.
"""

import csv
import dataclasses
import io
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from qnas_jax import data
from qnas_jax.errors import UserError
from qnas_jax.evaluation import measure
from qnas_jax.evaluation.tables.positions import archs_at
from qnas_jax.evaluation.trained import arch_key, outcome_of
from qnas_jax.files import digest, replace_file
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.nets import build_supernet, resolve_form
from qnas_jax.runs import progress
from qnas_jax.spaces import NetworkSpace, SpaceOptions, build_space
from qnas_jax.tasks import Task, TaskOptions, make_task
from qnas_jax.training import (
    Candidate,
    PopulationTraining,
    Run,
    Trained,
    TrainingBatches,
    TrainingOptions,
)
from qnas_jax.user_code.calls import Outcome
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

SPLITS = ("valid", "test")
_CHUNK = 64  # examples measured at once
_TABLE, _KEPT = "table.csv", "outcomes.jsonl"


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What is trained, and on what.

    Attributes:
      space: its networks.
      task: what they learn.
      dataset: split in three.
      options: of each training.
    """

    space: NetworkSpace
    task: Task
    dataset: data.Dataset
    options: TrainingOptions

    @property
    def name(self) -> str:
        """Digest of all that an outcome depends on, besides network and seed."""
        parts = [repr((self.space, self.options, self.task.metrics.keys())).encode()]
        for split in (self.dataset.train, self.dataset.valid, self.dataset.test):
            parts += [split.inputs.tobytes(), split.targets.tobytes()]
        return digest(*parts)[:12]


def load_benchmark(
    space: str, options: TrainingOptions, data_options: data.DataOptions
) -> Benchmark:
    """Reads the data and builds the space for them.

    Raises:
      UserError: the data cannot be read, or there is no such chain of layers.
    """
    dataset = data.load(data_options)
    task = make_task(TaskOptions(), dataset)
    built = build_space(SpaceOptions(name=space), task.input_shape, task.num_outputs)
    if not isinstance(built, NetworkSpace):
        raise UserError(f"space: got {space!r}, expected a chain of layers")
    return Benchmark(built, task, dataset, options)


def run(
    benchmark: Benchmark,
    folder: pathlib.Path,
    *,
    networks: int = 0,
    seeds: int = 3,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Trains what is not trained yet, and writes the table.

    Args:
      benchmark: what is trained.
      folder: of the table, and of the outcomes that are known so far.
      networks: random ones, so many; 0: all of the space.
      seeds: trainings of each network.
      tell: called with the number of trainings that are done, and of all.

    Returns:
      The rows of the table.
    """
    space = benchmark.space
    places = np.random.default_rng(0).permutation(space.size)
    places = np.sort(places[: networks or space.size])
    archs = [tuple(arch) for arch in archs_at(space, places).tolist()]
    kept = KeptOutcomes(folder / _KEPT)
    asked = [(arch, seed) for seed in range(seeds) for arch in archs]
    names = {each: json.dumps([benchmark.name, *each]) for each in asked}
    new = [each for each in asked if kept.find(names[each]) is None]
    done = len(asked) - len(new)

    def keep(number: int, trained: Trained) -> None:
        nonlocal done
        done += 1
        kept.keep(names[new[number]], outcome_of(trained))
        tell(done, len(asked))

    training_of(benchmark).train(
        [_candidate(arch, seed) for arch, seed in new],
        benchmark.options.epochs,
        tell=keep,
    )
    supernet = build_supernet(space)
    costs = supernet.cost_table().cost(np.asarray(archs))
    rows = []
    for number, arch in enumerate(archs):
        outcomes = [kept.find(names[arch, seed]) for seed in range(seeds)]
        own = {name: int(costs[name][number]) for name in ("params", "macs")}
        rows.append({**_ops(space, arch), **_values(outcomes), **own})
    replace_file(folder / _TABLE, _as_csv(rows))
    return rows


def training_of(benchmark: Benchmark) -> PopulationTraining:
    """The training of a benchmark's networks, which judges by two splits."""
    dataset, task, options = benchmark.dataset, benchmark.task, benchmark.options

    def judge(run: Run, splits: Any) -> dict[str, jax.Array]:
        task, *parts = splits
        found = {}
        for name, (inputs, targets) in zip(SPLITS, parts, strict=True):
            metrics = measure(task, run, inputs, targets, _CHUNK)
            found[name] = metrics[task.score]
            found[f"{name}_loss"] = metrics["loss"]
        return found

    splits = [data.on_device(split) for split in (dataset.valid, dataset.test)]
    return PopulationTraining(
        build_supernet(benchmark.space, resolve_form("auto")),
        options,
        TrainingBatches.of(dataset.train, task, options.batch_size),
        judge,
        (task, *splits),
    )


def _candidate(arch: tuple[int, ...], seed: int) -> Candidate:
    """Weights of its own; the networks of a seed see the same batches."""
    weights_key, batches_key = jax.random.split(jax.random.key(seed))
    return Candidate(arch, arch_key(weights_key, arch), batches_key)


def _ops(space: NetworkSpace, arch: Sequence[int]) -> dict[str, str]:
    return {
        f"op_{layer}": names[op]
        for layer, (names, op) in enumerate(
            zip(space.choices, arch, strict=True), start=1
        )
    }


def _values(outcomes: Sequence[Outcome | None]) -> dict[str, Any]:
    """Accuracies by split and seed, None where a training failed; mean seconds."""
    values: dict[str, Any] = {
        f"{split}_{seed}": outcome.metrics.get(split) if outcome else None
        for split in SPLITS
        for seed, outcome in enumerate(outcomes)
    }
    times = [outcome.seconds for outcome in outcomes if outcome]
    return {**values, "seconds": float(np.mean(times))}


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: f"{value:.6g}" if isinstance(value, float) else value
                for name, value in row.items()
            }
        )
    return text.getvalue().encode()


def summarise(rows: Sequence[Mapping[str, Any]], seeds: int) -> list[dict[str, Any]]:
    """How much of what differs is networks, and how much is seeds.

    Returns:
      A row a split: mean, the standard deviations over networks (of means over seeds)
      and over seeds (of one network, pooled), and the correlation of two seeds.
    """
    lines = []
    for split in SPLITS:
        values = np.array(
            [[row[f"{split}_{seed}"] for seed in range(seeds)] for row in rows], float
        )
        values = 100 * values[np.isfinite(values).all(axis=1)]
        several = seeds > 1
        pooled = np.sqrt(values.var(axis=1, ddof=1).mean()) if several else None
        lines.append(
            {
                "split": split,
                "networks": len(values),
                "trainings of each": seeds,
                "accuracy %": float(values.mean()),
                "sd over networks": float(values.mean(axis=1).std(ddof=1)),
                "sd over seeds": None if pooled is None else float(pooled),
                "correlation of two seeds": _correlation(values),
            }
        )
    return lines


def _correlation(values: np.ndarray) -> float | None:
    """Of the first two columns; None if there are none, or one of them is constant."""
    if values.shape[1] < 2 or not values[:, :2].std(axis=0).all():
        return None
    return float(np.corrcoef(values[:, 0], values[:, 1])[0, 1])


def main(_: Sequence[str]) -> None:
    """Trains, and prints the summary and where the table lies."""
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    options = TrainingOptions(
        epochs=_EPOCHS.value, learning_rate=_RATE.value, batch_size=_BATCH.value
    )
    source = data.DataOptions(
        source=_SOURCE.value, name=_NAME.value, valid_fraction=0.25, test_fraction=0.2
    )
    benchmark = load_benchmark(_SPACE.value, options, source)
    total = _SEEDS.value * (_NETWORKS.value or benchmark.space.size)
    steps = iter(progress(range(total), total, benchmark.space.name))
    rows = run(
        benchmark,
        folder,
        networks=_NETWORKS.value,
        seeds=_SEEDS.value,
        tell=lambda done, total: next(steps, None),
    )
    lines = summarise(rows, _SEEDS.value)
    write_rows(_OUT.value, lines)
    print(table(lines, list(lines[0])))
    print(f"\n{folder / _TABLE}")


if __name__ == "__main__":
    use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "digits_tiny", "a registered chain of layers")
    _NETWORKS = flags.DEFINE_integer("networks", 0, "random ones; 0: all")
    _SEEDS = flags.DEFINE_integer("seeds", 3, "trainings of each", lower_bound=1)
    _EPOCHS = flags.DEFINE_integer("epochs", 20, "of each training", lower_bound=1)
    _RATE = flags.DEFINE_float("learning_rate", 0.1, "peak learning rate")
    _BATCH = flags.DEFINE_integer(
        "batch_size", TrainingOptions().batch_size, "examples of a step", lower_bound=1
    )
    _SOURCE = flags.DEFINE_string("source", "digits", "where the data come from")
    _NAME = flags.DEFINE_string("name", "", "of the data set, where there are several")
    _FOLDER = flags.DEFINE_string("folder", "runs/small_benchmark", "of the table")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the summary")
    app.run(main)
