"""Candidates trained from scratch against a supernet, at equal processor time.

python -m experiments.comparisons.trained_candidates [--seeds=5] [--epochs=10]
    [--retrainings=2] [--factor=1.0] [--out=FILE]

For each seed `configs/digits.py` trains its supernet and searches it; the processor
time that this takes is the budget of two searches whose candidates are trained from
scratch (`configs/digits_trained.py`): by the default strategy, and by Hyperband, whose
rungs are lengths of trainings. A search ends before a generation that would not fit.
All keep the job's constraints and compare networks by its score. All winners, and a
random network of the cost of the supernet's, are then trained by one recipe, that of
the job's retraining without moving average and choice of an epoch, and tested. Programs
are compiled before the first seed and kept, so no budget has that in it. Seeds whose
rows the file has are left out.
"""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import app, flags, logging

from configs import digits, digits_trained
from experiments.measuring.rows import append_rows, read_rows, table
from qnas_jax import data
from qnas_jax.evaluation import MemoisedEvaluator
from qnas_jax.evaluation.trained import arch_key, measure_on_split
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs import open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.candidates import random_archs
from qnas_jax.jobs.nas.scores import candidate_evaluator
from qnas_jax.jobs.nas.search import search_architecture, search_strategy
from qnas_jax.jobs.nas.search_rows import repaired
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.supernet import train_supernet
from qnas_jax.nets import build_supernet, resolve_form
from qnas_jax.reporting.comparison.contrasts import difference_of_means
from qnas_jax.runs import WorkFolder, read_json
from qnas_jax.searching import host_search
from qnas_jax.spaces import arch_to_string
from qnas_jax.training import Candidate, PopulationTraining, Trained, TrainingBatches

REFERENCE = "supernet"
_MOST = 50  # generations of a search that trains, if its time allows
_AT_A_TIME = 4  # networks of such a generation: of eight, only one or two would fit


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
      arch: its winner.
      score: by which it won, larger is better, if there was a search.
      networks: scored ones.
      seconds: processor time.
    """

    arch: tuple[int, ...]
    score: float | None
    networks: int
    seconds: float


def run(
    seeds: Iterable[int],
    *,
    epochs: int = 10,
    retrainings: int = 2,
    factor: float = 1.0,
    change: Callable[[ml_collections.ConfigDict], object] = lambda config: None,
) -> Iterator[list[dict[str, Any]]]:
    """Searches and retrains, a seed after the other.

    Args:
      seeds: of the runs.
      epochs: of the longest training of a candidate, at least 2.
      retrainings: of each winner, with other weights and batches.
      factor: budget of the searches that train, in units of the supernet's.
      change: makes the configurations another job's.

    Yields:
      For each seed a row a way: test accuracy, mean over the retrainings, and what
      `Found` has.
    """
    retrain = None
    for seed in seeds:
        found = {REFERENCE: by_supernet(_changed(digits, seed, change))}
        budget = factor * found[REFERENCE].seconds
        config = _changed(digits_trained, seed, change)
        config.train.epochs = epochs
        population = config.search.population
        config.search.population = min(population, _AT_A_TIME)
        found["trained"] = by_training(config, budget)
        config.search.update(strategy="hyperband", population=population)
        config.train.fidelities = (max(epochs // 3, 1),)
        found["trained, hyperband"] = by_training(config, budget)
        setting = _open(config, pathlib.Path())
        equal = random_archs(setting, np.asarray(found[REFERENCE].arch), 1)[0]
        found["random of its cost"] = Found(tuple(equal.tolist()), None, 0, 0.0)
        if retrain is None:
            retrain = Retraining(setting)
        archs = [each.arch for each in found.values()]
        tested = retrain(archs, seed, retrainings)
        costs = setting.costs.cost(np.asarray(archs))
        yield [
            {
                "seed": seed,
                "way": way,
                "test accuracy": float(np.mean(tested[number])),
                "retrainings": tested[number],
                "parameters": int(costs["params"][number]),
                "macs": int(costs["macs"][number]),
                **dataclasses.asdict(each),
                "arch": arch_to_string(setting.space, np.asarray(each.arch)),
                "budget": budget,
            }
            for number, (way, each) in enumerate(found.items())
        ]


def by_supernet(config: ml_collections.ConfigDict) -> Found:
    """Trains a supernet and searches it, as the job does."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        setting = _open(config, pathlib.Path(folder))
        train_supernet(setting)
        search_architecture(setting)
        best = read_json(setting.folder.path / "best_arch.json")
    return Found(
        tuple(best["arch"]),
        best["score"],
        best["evaluations"],
        time.process_time() - started,
    )


def by_training(config: ml_collections.ConfigDict, budget: float) -> Found:
    """Searches with candidates that are trained, as the job does, until time is over.

    Args:
      config: with the evaluator `train`; its constraints are kept, its score counts.
      budget: seconds of the processor.

    Returns:
      The best at the highest fidelity; a search goes on until there is one.
    """
    started = time.process_time()
    config.search.generations = _MOST
    with tempfile.TemporaryDirectory() as folder:
        setting = _open(config, pathlib.Path(folder))
        evaluator = candidate_evaluator(setting)
        memo = MemoisedEvaluator(evaluator, setting.costs_of)

        def evaluate(
            key: jax.Array, archs: np.ndarray, *fidelities: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            return memo(key, repaired(setting, key, archs), *fidelities)

        steps = host_search(
            search_strategy(setting),
            evaluate,
            setting.key("search"),
            _MOST,
            ties=memo.ties,
        )
        longest, before = 0.0, started
        for step in steps:
            now = time.process_time()
            longest, before = max(longest, now - before), now
            highest = int(step.after.best_fidelity) == len(evaluator.fidelities) - 1
            if highest and now - started + longest > budget:
                break
    return Found(
        tuple(np.asarray(step.after.best_arch).tolist()),
        float(step.after.best_score),
        len(memo.history),
        time.process_time() - started,
    )


class Retraining:
    """One recipe for all winners: that of the job's retraining, to its last epoch."""

    def __init__(self, setting: NasSetting):
        """Takes data, space and recipe of a run; they are the same for all seeds."""
        options = setting.config.retrain
        task = setting.task.with_options(setting.config.retrain_task)
        self._epochs = options.epochs
        self._training = PopulationTraining(
            build_supernet(setting.space, resolve_form("auto")),
            options,
            TrainingBatches.of(setting.dataset.train, task, options.batch_size),
            measure_on_split,
            (setting.task, *data.on_device(setting.dataset.test)),
        )

    def __call__(
        self, archs: Sequence[tuple[int, ...]], seed: int, retrainings: int
    ) -> list[list[float]]:
        """Test accuracies of each network, one a retraining."""
        root = jax.random.fold_in(jax.random.key(7), seed)
        candidates = []
        for number in range(retrainings):
            weights_key, batches_key = jax.random.split(
                jax.random.fold_in(root, number)
            )
            candidates += [
                Candidate(arch, arch_key(weights_key, arch), batches_key)
                for arch in archs
            ]
        found: dict[int, Trained] = {}
        # The batches of a call are those of its candidates' one key.
        for first in range(0, len(candidates), len(archs)):
            block = candidates[first : first + len(archs)]

            def tell(number: int, trained: Trained, first: int = first) -> None:
                found[first + number] = trained

            self._training.train(block, self._epochs, tell=tell)
        accuracies = [
            found[number].found["accuracy"] for number in range(len(candidates))
        ]
        return np.reshape(accuracies, (retrainings, len(archs))).T.tolist()


def _changed(module: Any, seed: int, change: Callable[..., object]) -> Any:
    config = module.get_config()
    config.seed = seed
    change(config)
    return config


def _open(config: ml_collections.ConfigDict, folder: pathlib.Path) -> NasSetting:
    setting: NasSetting = open_setting(
        config,
        WorkFolder(folder),
        progress=lambda steps, total, description: steps,
        say=lambda line: None,
    )
    return setting


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a way: means and spread over seeds, and the difference to the supernet."""
    by_way = {
        way: [row for row in rows if row["way"] == way]
        for way in dict.fromkeys(row["way"] for row in rows)
    }
    accuracy = {
        way: np.array([100 * row["test accuracy"] for row in own])
        for way, own in by_way.items()
    }
    lines = []
    for way, own in by_way.items():
        values, reference = accuracy[way], accuracy[REFERENCE]
        several = len(values) > 1 and way != REFERENCE
        low, high = difference_of_means(values, reference) if several else (None, None)
        lines.append(
            {
                "way": way,
                "seeds": len(own),
                "test accuracy %": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
                "difference": float(values.mean() - reference.mean()),
                "low": low,
                "high": high,
                "parameters": float(np.mean([row["parameters"] for row in own])),
                "networks": float(np.mean([row["networks"] for row in own])),
                "processor s": float(np.mean([row["seconds"] for row in own])),
            }
        )
    return lines


def _briefly(config: ml_collections.ConfigDict) -> None:
    """Compiles what a seed runs, and little more."""
    config.supernet.epochs = 2
    config.search.generations = 1
    config.retrain.epochs = 1


def main(_: Sequence[str]) -> None:
    """Prints the table; rows are kept seed by seed."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    rows = read_rows(_OUT.value)
    known = {row["seed"] for row in rows}
    seeds = [seed for seed in range(_SEEDS.value) if seed not in known]
    if seeds:
        list(run([0], epochs=2, change=_briefly, factor=0.0))
    for own in run(
        seeds,
        epochs=_EPOCHS.value,
        retrainings=_RETRAININGS.value,
        factor=_FACTOR.value,
    ):
        rows += own
        append_rows(_OUT.value, own)
    lines = summarise(rows)
    print(table(lines, list(lines[0])))


if __name__ == "__main__":
    use_huge_pages()
    _SEEDS = flags.DEFINE_integer("seeds", 5, "searches of each way", lower_bound=1)
    _EPOCHS = flags.DEFINE_integer("epochs", 10, "of a candidate", lower_bound=2)
    _RETRAININGS = flags.DEFINE_integer("retrainings", 2, "of a winner", lower_bound=1)
    _FACTOR = flags.DEFINE_float("factor", 1.0, "budget, of the supernet's time")
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, gone on with")
    app.run(main)
