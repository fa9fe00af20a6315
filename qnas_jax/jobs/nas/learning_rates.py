"""The learning rate that a network is trained with, chosen on the validation split.

One rate for all favours the networks that it fits. Where several are named, every
network, found or hand-made, is trained briefly with each of them, with other weights
than those that are trained afterwards.
"""

import dataclasses
import math
from typing import Any

import jax

from qnas_jax.evaluation.trained import measure_on_split, outcome_of
from qnas_jax.jobs.nas.candidates import Candidate
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import read_sealed, write_sealed
from qnas_jax.training import Candidate as Network
from qnas_jax.training import (
    PopulationTraining,
    RetrainOptions,
    Trained,
    TrainingBatches,
    TrainingOptions,
)


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a network is trained with.

    Attributes:
      options: with its learning rate.
      trials: the validation metric after the trial of each rate, by the rate in words;
        None where it diverged. Empty where nothing was tried.
    """

    options: RetrainOptions
    trials: dict[str, float | None]


def chosen_by(setting: NasSetting) -> str:
    """Name of the validation metric that chooses the epoch, and the learning rate."""
    return setting.config.retrain.kept_by or setting.task.score


def chosen_rate(setting: NasSetting, candidate: Candidate) -> Choice:
    """Tries the learning rates that were not tried yet.

    Args:
      setting: the run.
      candidate: the network.

    Returns:
      The choice: the best rate by the metric that chooses the epoch, the first of equal
      ones; where all diverge the lowest.

    Raises:
      Stopped: the user asked to stop; finished trials are kept.
      RunError: what an earlier part left is damaged.
    """
    options = setting.config.retrain
    if not options.learning_rates:
        return Choice(options, {})
    path = setting.folder.path / "retrain" / candidate.name / "trials.json"
    remedy = "--stage=retrain does it again"
    trials = read_sealed(path, remedy) if path.exists() else {}
    training = None
    for rate in options.learning_rates:
        if str(rate) not in trials:
            training = training or _training(setting, candidate)
            trials[str(rate)] = _tried(setting, candidate, training, rate)
            write_sealed(path, trials)
    metric = setting.task.metrics[chosen_by(setting)]

    def score(rate: float) -> float:
        value = trials[str(rate)]
        return -math.inf if value is None else metric.as_score(value)

    rates = options.learning_rates
    failed = all(trials[str(rate)] is None for rate in rates)
    best = min(rates) if failed else max(rates, key=score)
    setting.say(f"{candidate.name}: learning rate {best:g}, best on validation")
    return Choice(dataclasses.replace(options, learning_rate=best), trials)


def _training(setting: NasSetting, candidate: Candidate) -> PopulationTraining:
    options = setting.config.retrain
    task = setting.task.with_options(setting.config.retrain_task)
    return PopulationTraining(
        candidate.supernet,
        options.part(TrainingOptions),
        TrainingBatches.of(setting.dataset.train, task, options.batch_size),
        measure_on_split,
        (setting.task, *setting.valid),
    )


def _tried(
    setting: NasSetting,
    candidate: Candidate,
    training: PopulationTraining,
    rate: float,
) -> float | None:
    """The validation metric after a training with this rate."""
    options = setting.config.retrain
    keys = jax.random.split(setting.key(f"retrain/{candidate.name}/trials"))
    network = Network(tuple(candidate.arch.tolist()), *keys)
    found: list[Any] = []

    def tell(number: int, trained: Trained) -> None:
        del number
        found.append(outcome_of(trained))

    training.train(
        [network],
        options.trial_epochs or options.epochs,
        tell=tell,
        should_stop=setting.should_stop,
        learning_rate=rate,
    )
    value = found[0].metrics.get(chosen_by(setting))
    return None if value is None else float(value)
