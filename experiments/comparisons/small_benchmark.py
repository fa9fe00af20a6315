"""A benchmark of one's own: every network of a small space, trained on real data.

python -m experiments.comparisons.small_benchmark [--kind=images] [--networks=0]
    [--seeds=1] [--folder=runs/small_images] [--space=...] [--source=...] [--name=...]
    [--epochs=...] [--short=...] [--batch_size=...] [--learning_rate=...]

trains each network from scratch with each seed, side by side in one program
(`training/population.py`), and writes `table.csv`: ops, validation and test accuracy of
each seed, parameters, multiply-accumulates, seconds of a training. What a kind of data
is trained by stands in `small_kinds.py`; other arguments change it. Stopped, the same
command goes on. Searches on the table then cost nothing:

python main.py --config=configs/benchmark_own_table.py --stage=benchmark \
    --config.table.file=runs/small_images/table.csv \
    --config.table.arch_columns='op_*' --config.table.validation_columns='valid_*' \
    --config.table.test_columns='test_*' --config.table.seconds_columns=seconds \
    --config.table.cost_columns=params,macs

Columns that begin with `short_` are of shorter trainings, for strategies that have
fidelities. The scores of a search on the table are means over the seeds, and no weight
sharing is in them: the truth that a supernet's ranking is held against by

python main.py --config=... --stage=rank \
    --config.rank.truth_file=runs/small_images/table.csv
"""

import dataclasses
import itertools
import json
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.comparisons.small_kinds import KINDS, Kind
from experiments.comparisons.small_tables import (
    SPLITS,
    TABLE,
    as_csv,
    ops_by_layer,
    summarise,
    values_of,
)
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
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

_CHUNK = 64  # examples measured at once
_KEPT = "outcomes.jsonl"


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What is trained, and on what.

    Attributes:
      space: its networks.
      task: what they learn.
      dataset: split in three.
      options: of each training.
      short: epochs of a shorter training, 0: there is none.
    """

    space: NetworkSpace
    task: Task
    dataset: data.Dataset
    options: TrainingOptions
    short: int = 0

    @property
    def lengths(self) -> dict[str, int]:
        """Epochs of the trainings of a network, by what their columns begin with."""
        own = {"": self.options.epochs}
        return {**own, "short_": self.short} if self.short else own

    @property
    def name(self) -> str:
        """Digest of all that an outcome depends on, besides network and seed."""
        undergone = getattr(self.task, "training", None)
        own = (self.space, self.options, undergone, self.task.metrics.keys())
        parts = [repr(own).encode()]
        for split in (self.dataset.train, self.dataset.valid, self.dataset.test):
            parts += [split.inputs.tobytes(), split.targets.tobytes()]
        return digest(*parts)[:12]


def load_benchmark(kind: Kind) -> Benchmark:
    """Reads the data and builds the space for them.

    Raises:
      UserError: the data cannot be read, or there is no such chain of layers.
    """
    dataset = data.load(kind.source)
    task = make_task(TaskOptions(), dataset)
    space = build_space(
        SpaceOptions(name=kind.space),
        task.input_shape,
        task.num_outputs,
        len(dataset.words),
        language=dataset.kind == data.LANGUAGE,
    )
    if not isinstance(space, NetworkSpace):
        raise UserError(f"space: got {kind.space!r}, expected a chain of layers")
    if kind.task is not None:
        task = task.with_options(kind.task)
    return Benchmark(space, task, dataset, kind.training, kind.short)


def run(
    benchmark: Benchmark,
    folder: pathlib.Path,
    *,
    networks: int = 0,
    seeds: int = 1,
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
    train_all(benchmark, archs, range(seeds), kept, tell)
    costs = build_supernet(space).cost_table().cost(np.asarray(archs))
    rows = []
    for number, arch in enumerate(archs):
        found = {
            begin: [
                kept.find(training_name(benchmark, arch, seed, epochs))
                for seed in range(seeds)
            ]
            for begin, epochs in benchmark.lengths.items()
        }
        own = {name: int(costs[name][number]) for name in ("params", "macs")}
        rows.append({**ops_by_layer(space, arch), **values_of(found), **own})
    replace_file(folder / TABLE, as_csv(rows))
    return rows


def train_all(
    benchmark: Benchmark,
    archs: Sequence[tuple[int, ...]],
    seeds: Sequence[int],
    kept: KeptOutcomes,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> None:
    """Trains what is not known; a call for each seed and length, as batches differ.

    Args:
      benchmark: how.
      archs: what.
      seeds: a training of each network with each of them.
      kept: where outcomes are, and come to, by `training_name`.
      tell: as for `run`.
    """
    runs = [(seed, epochs) for seed in seeds for epochs in benchmark.lengths.values()]
    names = {
        (arch, *own): training_name(benchmark, arch, *own)
        for own in runs
        for arch in archs
    }
    new = [each for each, name in names.items() if kept.find(name) is None]
    done = itertools.count(len(names) - len(new) + 1)
    training = training_of(benchmark)
    for seed, epochs in runs:
        own = [each for each in new if each[1:] == (seed, epochs)]

        def keep(number: int, trained: Trained, own: Any = own) -> None:
            kept.keep(names[own[number]], outcome_of(trained))
            tell(next(done), len(names))

        if own:
            candidates = [_candidate(arch, seed) for arch, _, _ in own]
            training.train(candidates, epochs, tell=keep)


def training_name(
    benchmark: Benchmark, arch: tuple[int, ...], seed: int, epochs: int
) -> str:
    """What an outcome is kept by."""
    return json.dumps([benchmark.name, arch, seed, epochs])


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


def _chosen() -> Kind:
    """A kind of data, as the command line changes it."""
    kind = KINDS[_KIND.value]
    if _SOURCE.value:
        source = data.DataOptions(
            source=_SOURCE.value, name=_NAME.value, valid_fraction=0.25
        )
        kind = dataclasses.replace(kind, source=source, task=None)
    training: dict[str, Any] = {
        name: flag.value for name, flag in _TRAINING.items() if flag.value is not None
    }
    own: dict[str, Any] = {"space": _SPACE.value, "short": _SHORT.value}
    own = {name: value for name, value in own.items() if value is not None}
    own["training"] = dataclasses.replace(kind.training, **training)
    return dataclasses.replace(kind, **own)


def main(_: Sequence[str]) -> None:
    """Trains, and prints the summary and where the table lies."""
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value or f"runs/small_{_KIND.value}")
    benchmark = load_benchmark(_chosen())
    networks = _NETWORKS.value or benchmark.space.size
    total = _SEEDS.value * networks * len(benchmark.lengths)
    steps = iter(progress(range(total), total, benchmark.space.name))
    rows = run(
        benchmark,
        folder,
        networks=networks,
        seeds=_SEEDS.value,
        tell=lambda done, total: next(steps, None),
    )
    lines = summarise(rows, _SEEDS.value)
    write_rows(_OUT.value, lines)
    print(table(lines, list(lines[0])))
    print(f"\n{folder / TABLE}, processor time {time.process_time():.0f} s")


if __name__ == "__main__":
    use_huge_pages()
    _KIND = flags.DEFINE_enum("kind", "images", list(KINDS), "of data")
    _SPACE = flags.DEFINE_string("space", None, "another registered chain of layers")
    _NETWORKS = flags.DEFINE_integer("networks", 0, "random ones; 0: all")
    _SEEDS = flags.DEFINE_integer("seeds", 1, "trainings of each", lower_bound=1)
    _SHORT = flags.DEFINE_integer("short", None, "epochs of a shorter training; 0: no")
    _TRAINING = {
        "epochs": flags.DEFINE_integer("epochs", None, "of each training"),
        "learning_rate": flags.DEFINE_float("learning_rate", None, "the highest"),
        "batch_size": flags.DEFINE_integer("batch_size", None, "examples of a step"),
    }
    _SOURCE = flags.DEFINE_string("source", None, "where other data come from")
    _NAME = flags.DEFINE_string("name", "", "of that set, where there are several")
    _FOLDER = flags.DEFINE_string("folder", None, "of the table; runs/small_KIND")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the summary")
    app.run(main)
