"""Found networks for series against hand-made ones, over sets of the UCR archive.

python -m experiments.comparisons.series.study [--config=ecg] [--sets=ECG200,...]
    [--seeds=1] [--picks=2] [--minutes=60] [--folder=runs/series] [--out=rows.jsonl]
    [--figure=docs/series_ranks.png] [--overrides=search.generations=2]

For each set and seed the whole job of a configuration: a search whose candidates are
trained, its winner, random networks of its cost, FCN, ResNet and InceptionTime's
network at their published widths by one recipe, and classifiers without networks. All
sets get as many steps of training as the configuration's own set does there, in
batches of at most that size. What has rows is not run again; a job that was stopped
goes on. Of all 25 sets the published mean accuracies stand beside ours
(`published.py`); those networks were trained for far longer.
"""

import functools
import importlib
import math
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import app, flags

from experiments.benches.exports import random_weights
from experiments.comparisons.series.published import sources
from experiments.comparisons.series.results import (
    by_set,
    complete_sets,
    ranking,
    sentence,
    summarise,
)
from experiments.comparisons.whole_jobs import run_job
from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import table
from experiments.sweeping.work import all_rows
from qnas_jax import data
from qnas_jax.baselines import CLASSIFIERS
from qnas_jax.export.blank import blank_network
from qnas_jax.jobs import open_setting
from qnas_jax.jobs.nas.candidates import candidates_of
from qnas_jax.latency.measuring import jax_runtime, measure
from qnas_jax.reporting.comparison.rank_diagram import rank_diagram
from qnas_jax.runs import WorkFolder, read_json
from qnas_jax.spaces import SERIES_NETWORKS

SETS = (
    *("Chinatown", "SonyAIBORobotSurface1", "ItalyPowerDemand", "MoteStrain"),
    *("TwoLeadECG", "SmoothSubspace", "ECGFiveDays", "BME"),
    *("CBF", "UMD", "GunPoint", "Coffee"),
    *("FaceFour", "ArrowHead", "ECG200", "Wine"),
    *("Beef", "Plane", "OliveOil", "SyntheticControl"),
    *("Lightning7", "PowerCons", "Trace", "DistalPhalanxTW"),
    *("SwedishLeaf",),
)
"""Those beside the project, by values to be trained on."""

Assignments = Mapping[str, Any]
"""Options by `group.field`."""


def grid_of(
    sets: Sequence[str],
    seeds: int,
    folder: pathlib.Path,
    *,
    config: str = "ecg",
    picks: int = 2,
    overrides: Assignments | None = None,
    minutes: float = math.inf,
) -> Grid:
    """The jobs: a cell a set and seed, all sets of the first seed first.

    Args:
      sets: names of the archive.
      seeds: 0, 1, ...
      folder: of the work folders.
      config: name of a file in `configs`, of a job on a set of the archive.
      picks: random networks of the winner's cost.
      overrides: of its options, for all sets.
      minutes: after them no further job is begun, and its cell has no rows.
    """
    told = dict(overrides or {})
    ends = time.monotonic() + 60 * minutes

    def compute(cell: Cell) -> Iterator[Row]:
        if time.monotonic() > ends:
            return
        name, seed = cell["set"], cell["seed"]
        workdir = folder.resolve() / name / f"seed_{seed}"
        chosen = assignments(configuration(config, told), name, seed, picks)
        chosen = {**told, **chosen}
        words = [
            f"--config.{option}={_word(value)}" for option, value in chosen.items()
        ]
        run_job([f"--config=configs/{config}.py", *words, f"--workdir={workdir}"])
        result = read_json(workdir / "result.json")
        yield from rows_of(result, latencies(configuration(config, chosen), workdir))

    cells = [
        {"config": config, "set": name, "seed": seed, "picks": picks, "overrides": told}
        for seed in range(seeds)
        for name in sets
    ]
    return Grid("series", cells, compute)


def assignments(
    base: ml_collections.ConfigDict, name: str, seed: int, picks: int
) -> Assignments:
    """The options in which a set's job differs from that of a configuration.

    Args:
      base: the configuration, of a job on a set of the archive.
      name: of the set.
      seed: of the run.
      picks: random networks of the winner's cost.
    """
    fraction = base.data.valid_fraction
    count, own = (_num_trained(each, fraction) for each in (name, base.data.name))
    found: dict[str, Any] = {"data.name": name, "seed": seed}
    for group in ("train", "retrain"):
        options = base[group]
        steps = options.epochs * data.num_steps(own, options.batch_size)
        batch = min(options.batch_size, count)
        found[f"{group}.batch_size"] = batch
        found[f"{group}.epochs"] = math.ceil(steps / data.num_steps(count, batch))
    found["retrain.kept_by"] = "loss"
    found["retrain.random_picks"] = picks
    found["retrain.compare"] = False
    found["retrain.baselines"] = (*SERIES_NETWORKS, *CLASSIFIERS)
    found["retrain.baselines_fit"] = False
    found["export.onnx"] = False
    return found


def configuration(name: str, chosen: Assignments) -> ml_collections.ConfigDict:
    """A configuration of `configs` with other values of some options."""
    config = importlib.import_module(f"configs.{name}").get_config()
    config.update_from_flattened_dict(dict(chosen))
    return config


@functools.cache
def _num_trained(name: str, valid_fraction: float) -> int:
    options = data.DataOptions(source="ucr", name=name, valid_fraction=valid_fraction)
    return len(data.load(options).train)


def _word(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def latencies(
    config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> dict[str, float]:
    """Milliseconds of one series through each network of a finished job.

    Processor time of one thread, compiled by JAX, the median of many passes. Weights
    are random ones, which makes no difference.
    """
    setting = open_setting(config, WorkFolder(workdir))
    series = np.asarray(setting.task.prepare(setting.dataset.test.inputs[:1]))
    found = {}
    for candidate in candidates_of(setting):
        blank = blank_network(candidate.supernet.space, candidate.arch)
        network = random_weights(blank, np.random.default_rng(0))
        run = jax_runtime(network, series, True)
        found[candidate.name] = measure(run, 0.2, time.process_time).median_ms
    jax.clear_caches()
    return found


def rows_of(
    result: Mapping[str, Any], milliseconds: Mapping[str, float]
) -> Iterator[Row]:
    """Rows of one finished job, a network or classifier each.

    Args:
      result: contents of its `result.json`.
      milliseconds: by name of the network.

    Yields:
      Test accuracy and macro F1 in [0, 1], parameters, multiply-accumulates and
      milliseconds, None where there are none; the winner first.
    """
    others = {**result["baselines"], **result["classifiers"]}
    for network, entry in {"winner": result, **others}.items():
        yield {
            "network": network,
            "arch": entry.get("string"),
            "test accuracy": entry["test_accuracy"],
            "macro F1": entry["test_macro_f1"],
            "parameters": entry.get("parameters"),
            "macs": entry.get("macs"),
            "ms": milliseconds.get(network),
            "test series": result["test_examples"],
            "seconds": sum(result["seconds"].values()),
        }


def main(_: Sequence[str]) -> None:
    """Prints the tables and what they say."""
    told = dict(assignment.split("=", 1) for assignment in _OVERRIDES.value)
    fields = configuration(_CONFIG.value, {})
    overrides = {name: _like(fields, name, text) for name, text in told.items()}
    grid = grid_of(
        _SETS.value,
        _SEEDS.value,
        pathlib.Path(_FOLDER.value),
        config=_CONFIG.value,
        picks=_PICKS.value,
        overrides=overrides,
        minutes=_MINUTES.value,
    )
    rows = all_rows(grid, _OUT.value, None)
    if not rows:
        return
    for lines in (by_set(rows), summarise(rows)):
        shown = [
            {name: _shown(value) for name, value in line.items()} for line in lines
        ]
        print(table(shown, list(shown[0])), end="\n\n")
    print(sentence(rows))
    if len(complete_sets(rows)) == len(SETS):
        print(sources())
    if _FIGURE.value:
        picture = rank_diagram(ranking(rows), highlighted="found")
        pathlib.Path(_FIGURE.value).write_bytes(picture)


def _shown(value: Any) -> Any:
    """A dash for what is not known; whole numbers as such."""
    if value is None:
        return "-"
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


def _like(config: ml_collections.ConfigDict, name: str, text: str) -> Any:
    """A value as the option that it is for has them: a number, a truth or a word."""
    group, field = name.split(".")
    kind = type(config[group][field])
    return text == "True" if kind is bool else kind(text)


if __name__ == "__main__":
    _CONFIG = flags.DEFINE_string("config", "ecg", "name of a file in configs")
    _SETS = flags.DEFINE_list("sets", list(SETS), "of the archive")
    _SEEDS = flags.DEFINE_integer("seeds", 1, "jobs a set", lower_bound=1)
    _PICKS = flags.DEFINE_integer("picks", 2, "random networks of a winner's cost")
    _MINUTES = flags.DEFINE_float("minutes", math.inf, "then no job is begun any more")
    _FOLDER = flags.DEFINE_string("folder", "runs/series", "of the work folders")
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG of the mean ranks")
    _OVERRIDES = flags.DEFINE_list(
        "overrides", [], "fields to change, group.name=value"
    )
    app.run(main)
