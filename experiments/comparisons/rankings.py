"""How well supernets rank, against what their training costs.

A supernet of a space with known accuracies is trained for each budget and seed, with a
learning-rate schedule of its own, and scores architectures; a row has Kendall's tau,
Spearman's rho, tau in the truly best tenth and what the pick is worth, by every score
(loss, accuracy, and what else the evaluator returns), beside path-images and processor
time. MACs, parameters and proxies alone are the floors. `--along` measures one run of
the longest budget at the epochs of all budgets instead: cheaper, but the learning rate
is not down yet where it is measured.

python -m experiments.comparisons.rankings --config=configs/nas_bench_macro.py
    --epochs=2,5,10 --seeds=3 [--set=supernet.width=0.25 --set=data.side=16]
    [--archs=640] [--along] [--out=rows.jsonl] [--folder=runs/rankings]
    [--figure=docs/rankings.png]

Rows are appended as they come, and those that are there are not done again; a training
that was stopped goes on. `--set` may be given several times. With `--epochs=` only the
figure is drawn, of the rows that are there. Several files with commas between them as
`--out` are drawn together; the last one is appended to.
"""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
from absl import app, flags, logging

from experiments.figures.rankings import rankings_figure
from experiments.measuring.configuration import load_config
from experiments.measuring.processor_time import ProcessorClock
from experiments.measuring.ranking_rows import summarise
from experiments.measuring.rows import append_rows, read_rows, table
from qnas_jax.evaluation import rank_all
from qnas_jax.files import digest
from qnas_jax.jobs import JOBS, open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.rank import (
    TermScorer,
    score_archs,
    signed_scores,
)
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import chosen_archs
from qnas_jax.runs import WorkFolder
from qnas_jax.runs import read_rows as read_metrics
from qnas_jax.stopping import Stopped
from qnas_jax.training import make_sampler

_PLACES = {"data_dir", "cache_dir"}
_BATCH = 64  # architectures whose terms are computed in one call


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is trained and measured.

    Attributes:
      config: that of all runs; seed and epochs are set.
      overrides: assignments it was changed by, for the rows.
      folder: of the work folders, one a training.
      along: whether one training is measured at all budgets.
    """

    config: ml_collections.ConfigDict
    overrides: tuple[str, ...]
    folder: pathlib.Path
    along: bool = False

    @property
    def name(self) -> str:
        """Of the configuration, seed, epochs and places of files aside."""
        values = json.loads(self.config.to_json())
        for group, field in (("supernet", "epochs"), *(("data", p) for p in _PLACES)):
            values[group].pop(field)
        values.pop("seed")
        return digest(json.dumps(values, sort_keys=True).encode())[:8]

    def at(self, seed: int, epochs: int) -> ml_collections.ConfigDict:
        """The configuration of one run."""
        config = self.config.copy_and_resolve_references()
        config.seed = seed
        config.supernet.epochs = epochs
        return config


def run(
    plan: Plan,
    known: tuple[np.ndarray, np.ndarray],
    epochs: Sequence[int],
    seeds: Sequence[int],
    done: Sequence[Mapping[str, Any]] = (),
) -> Iterator[dict[str, Any]]:
    """Trains, scores and measures.

    Args:
      plan: what.
      known: architectures [N, L] and their true accuracies [N].
      epochs: the budgets.
      seeds: a training each.
      done: rows that are there already, and are left out.

    Yields:
      A row a seed and budget, as soon as it is known; one of floors comes first.
    """
    base = {
        "space": plan.config.space.name,
        "setting": plan.name,
        "overrides": list(plan.overrides),
        "architectures": len(known[0]),
        "schedule": "along" if plan.along else "own",
    }
    there = {_identity(row) for row in done}
    if _identity({**base, "seed": None, "epochs": 0}) not in there:
        yield {**base, "seed": None, "epochs": 0, **_floors(plan, known)}
    for seed in seeds:
        for budget in sorted(epochs):
            if _identity({**base, "seed": seed, "epochs": budget}) not in there:
                length = max(epochs) if plan.along else budget
                found = _measured(plan, known, seed, budget, length)
                yield {**base, "seed": seed, "epochs": budget, **found}


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    schedule = row["schedule"] if row["epochs"] else "own"
    fields = ("setting", "architectures", "seed", "epochs")
    return (*(row[field] for field in fields), schedule)


def _open(
    config: ml_collections.ConfigDict, folder: pathlib.Path, **rest: Any
) -> NasSetting:
    options = {"say": lambda line: None, "progress": lambda items, total, name: items}
    return open_setting(config, WorkFolder(folder), **(options | rest))


def _measured(
    plan: Plan,
    known: tuple[np.ndarray, np.ndarray],
    seed: int,
    budget: int,
    length: int,
) -> dict[str, Any]:
    """The row of one training, of `length` epochs, after `budget` of them."""
    archs, truth = known
    schedule = f"along_{length}" if plan.along else f"{length}"
    folder = plan.folder / plan.name / f"epochs_{schedule}_seed_{seed}"
    config = plan.at(seed, length)
    stop = _AfterEpochs(folder, budget) if budget < length else lambda: False
    training = _open(config, folder, should_stop=stop)
    clock = ProcessorClock(folder / "processor_seconds.json")
    supernet, *others, _ = JOBS["nas"].chains["rank"]
    with clock.counting("supernet"):
        try:
            if _epochs_done(folder) < budget:
                supernet.run(training)
        except Stopped:
            if _epochs_done(folder) < budget:
                raise
    if plan.along:  # what an earlier epoch's weights said
        for stage in others:
            shutil.rmtree(folder / stage.name, ignore_errors=True)
    setting = _open(config, folder)
    with clock.counting("scoring"):
        for stage in others[:-1]:  # what scores build on; the last one ranks
            if stage.needed(setting.config):
                stage.run(setting)
        found = score_archs(setting, archs)
    measures = rank_all(signed_scores(setting, found), truth)
    steps = _last_row(folder)["step"]
    return {
        "path images": steps * config.supernet.batch_size * _paths_a_step(setting),
        "processor s": clock.seconds["supernet"],
        "scoring processor s": clock.seconds["scoring"],
        "means": {name: float(np.nanmean(each)) for name, each in found.items()},
        "measures": {name: each.row() for name, each in measures.items()},
    }


def _paths_a_step(setting: NasSetting) -> int:
    """Paths of one update."""
    space, costs = setting.reduced.supernet.space, setting.costs
    return make_sampler(setting.config.supernet, space, costs).num_paths


def _floors(plan: Plan, known: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """What ranks without any training."""
    archs, truth = known
    clock = ProcessorClock(plan.folder / plan.name / "floors.json")
    setting = _open(plan.at(0, 1), plan.folder / plan.name / "floors")
    terms = TermScorer(setting, setting.config.rank.terms)
    with clock.counting("scoring"):
        parts = []
        for start in range(0, len(archs), _BATCH):
            batch = archs[start : start + _BATCH]
            found = terms(np.resize(batch, (_BATCH, archs.shape[1])))
            parts.append({name: found[name][: len(batch)] for name in found})
        values = {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }
    return {
        "path images": 0,
        "processor s": 0.0,
        "scoring processor s": clock.seconds["scoring"],
        "measures": {name: m.row() for name, m in rank_all(values, truth).items()},
    }


class _AfterEpochs:
    """Asks to stop when so many epochs are done; rows are read when there are more."""

    def __init__(self, folder: pathlib.Path, epochs: int):
        self._folder, self._epochs = folder, epochs
        self._size, self._done = -1, 0

    def __call__(self) -> bool:
        path = self._folder / "metrics.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size != self._size:
            self._size, self._done = size, _epochs_done(self._folder)
        return self._done >= self._epochs


def _epochs_done(folder: pathlib.Path) -> int:
    row = _last_row(folder)
    return row["epoch"] if row else 0


def _last_row(folder: pathlib.Path) -> dict[str, Any]:
    """The last finished epoch of a supernet's training."""
    path = folder / "metrics.jsonl"
    rows = read_metrics(path) if path.exists() else []
    return next((row for row in reversed(rows) if row["stage"] == "supernet"), {})


def known_archs(
    config: ml_collections.ConfigDict, count: int, folder: pathlib.Path
) -> tuple[np.ndarray, np.ndarray]:
    """The same random architectures for all seeds and budgets.

    Args:
      config: of the runs.
      count: how many; 0: all that are known.
      folder: a work folder that stays empty.

    Returns:
      archs int32 [N, L] and their true accuracies [N], in [0, 1].
    """
    config = config.copy_and_resolve_references()
    config.update(seed=0)
    config.rank.archs = count
    return chosen_archs(_open(config, folder))


def main(_: Sequence[str]) -> None:
    """Prints the table and draws the figure."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    config = load_config(_CONFIG.value, _SET.value)
    folder = pathlib.Path(_FOLDER.value)
    plan = Plan(config, tuple(_SET.value), folder, along=_ALONG.value)
    *others, out = map(pathlib.Path, _OUT.value)
    epochs = [int(each) for each in _EPOCHS.value]
    if epochs:
        known = known_archs(plan.config, _ARCHS.value, plan.folder / "truth")
        for row in run(plan, known, epochs, range(_SEEDS.value), read_rows(str(out))):
            append_rows(str(out), [row])  # What is done is kept.
            print(json.dumps(row), flush=True)
    rows = [row for path in (*others, out) for row in read_rows(str(path))]
    summary = summarise(rows)
    print(table(summary, list(summary[0])))
    if _FIGURE.value:
        figure = rankings_figure(rows, _SCORES.value)
        pathlib.Path(_FIGURE.value).write_bytes(figure)


if __name__ == "__main__":
    _CONFIG = flags.DEFINE_string(
        "config", "configs/nas_bench_macro.py", "configuration of all runs"
    )
    _SET = flags.DEFINE_multi_string("set", [], "changes it: group.field=value")
    _EPOCHS = flags.DEFINE_list("epochs", ["2", "5", "10"], "budgets")
    _SEEDS = flags.DEFINE_integer("seeds", 3, "supernets of each budget", lower_bound=1)
    _ARCHS = flags.DEFINE_integer(
        "archs", 0, "architectures ranked, at random; 0: all", lower_bound=0
    )
    _ALONG = flags.DEFINE_bool("along", False, "measure one run at all budgets")
    _OUT = flags.DEFINE_list("out", ["runs/rankings/rows.jsonl"], "files of rows")
    _FOLDER = flags.DEFINE_string("folder", "runs/rankings", "of the work folders")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw")
    _SCORES = flags.DEFINE_list("scores", ["loss", "accuracy", "fused"], "drawn")
    app.run(main)
