"""Stage between supernet and search, where the score is fused: the reference sample.

Random architectures are evaluated once, so that scores can be ranks among them; these
evaluations stand in `reference/evaluations.jsonl`, as those of a search do in its
history, of generation -1. If the weights are to be learnt, some of them are trained
from scratch as one population; what became of each stands in `reference/trained.jsonl`
as soon as it is known. `reference/weights.json` is the end of the stage.

All of it follows from the seed and the supernet, so a stage that was stopped goes on to
the same end.
"""

import dataclasses
import pathlib

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, MemoisedEvaluator
from qnas_jax.evaluation.fused import (
    Calibration,
    FusedOptions,
    FusedScore,
    calibrate,
    draw_reference,
    spread,
)
from qnas_jax.evaluation.fused.options import FEWEST
from qnas_jax.evaluation.trained import CandidateOptions, trained_evaluator
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import OptionError
from qnas_jax.runs import RowLog, RunError, WorkFolder, read_sealed, write_sealed
from qnas_jax.status import Status
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import score_metric
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

GENERATION = -1
"""Of the reference's evaluations: before the first of a search."""

_AGAIN = "--stage=reference does it again"


def check_reference(setting: NasSetting) -> None:
    """Checks the options of a fused score.

    Raises:
      UserError: the task has no loss, or networks cannot be trained to calibrate.
    """
    check_loss(setting)
    if setting.config.fused.part(FusedOptions).calibrate:
        setting.check_training("train")


def check_loss(setting: NasSetting) -> None:
    """Raises OptionError if networks of this task are not judged by a loss."""
    metrics = setting.task.metrics
    if "loss" not in metrics:
        allowed = f"accuracy: the task's metrics are {', '.join(metrics)}"
        raise OptionError("search.score", setting.config.search.score, allowed)


def evaluate_reference(setting: NasSetting) -> str:
    """Evaluates the sample, and learns the weights if that is asked for.

    Args:
      setting: the run; its supernet stage is finished.

    Returns:
      What the score is made of, in one line.

    Raises:
      Stopped: the user asked to stop; evaluations and trained networks are kept.
      RunError: what an earlier part of the stage left is damaged.
      UserError: no architecture of the sample has a finite score.
    """
    options = setting.config.fused.part(FusedOptions)
    sample = draw_reference(
        setting.key("reference"), setting.space.num_ops, options.reference
    )
    rows = _evaluate(setting, sample)
    features = _features(setting, rows)
    plain = FusedScore.of(features, options.weight_by_name)
    scores = np.asarray(plain(features))
    if not np.isfinite(scores).any():
        raise UserError(
            f"reference: none of {len(rows)} architectures has a finite score; take "
            "other fused.terms, or train the supernet again"
        )
    learnt = _calibrate(setting, rows, plain, scores) if options.calibrate else None
    weights = options.weight_by_name
    if learnt is not None and learnt.is_better:
        weights = learnt.weights
    found = {
        "weights": weights,
        "calibration": None if learnt is None else dataclasses.asdict(learnt),
    }
    write_sealed(_weights_path(setting.folder), found)
    parts = " + ".join(f"{weight:.3g} {name}" for name, weight in weights.items())
    return f"score is {parts}, normal scores in {len(rows)} random architectures"


def read_fused(setting: NasSetting) -> FusedScore:
    """The score that the stage has left.

    Raises:
      RunError: it is gone or damaged.
    """
    weights = read_sealed(_weights_path(setting.folder), _AGAIN)["weights"]
    return FusedScore.of(_features(setting, _read(setting)), weights)


def num_evaluated(setting: NasSetting) -> int:
    """How many evaluations the reference of a run cost; 0 without one."""
    if setting.config.search.score != "fused":
        return 0
    return len(_log(setting.folder).read())


def _weights_path(folder: WorkFolder) -> pathlib.Path:
    return folder.path / "reference" / "weights.json"


def _log(folder: WorkFolder) -> RowLog:
    return RowLog(folder.path / "reference" / "evaluations.jsonl", _AGAIN)


def _read(setting: NasSetting) -> list[Evaluation]:
    try:
        return [Evaluation.from_row(row) for row in _log(setting.folder).read()]
    except RunError:
        raise
    except UserError as error:
        path = setting.folder.path / "reference" / "evaluations.jsonl"
        raise RunError(f"{path}, {error}; {_AGAIN}") from None


def _evaluate(setting: NasSetting, sample: np.ndarray) -> list[Evaluation]:
    """Evaluations of the sample in its order; those that are there are kept."""
    log = _log(setting.folder)
    evaluator = MemoisedEvaluator(setting.terms, setting.costs_of, _read(setting))
    size = setting.config.search.population
    starts = range(len(evaluator.history), len(sample), size)
    for first in setting.progress(starts, len(starts), "reference"):
        batch = sample[first : first + size]
        filled = np.resize(batch, (size, sample.shape[1]))
        evaluator(setting.key("reference"), filled, generation=GENERATION)
        log.append(evaluation.row() for evaluation in evaluator.fresh)
        if setting.should_stop():
            raise Stopped
    return evaluator.history


def _features(setting: NasSetting, rows: list[Evaluation]) -> dict[str, np.ndarray]:
    """The loss and the terms float32 [R] by name; NaN where there is no number."""
    names = ("loss", *setting.config.fused.part(FusedOptions).measured)
    return {
        name: np.asarray([row.metrics[name] for row in rows], np.float32)
        for name in names
    }


def _calibrate(
    setting: NasSetting, rows: list[Evaluation], plain: FusedScore, scores: np.ndarray
) -> Calibration | None:
    """Trains some of the sample and learns weights; None if too few could be trained.

    They are trained in the sizes of the supernet, so that they cost little.
    """
    config, reduced = setting.config, setting.reduced
    options = config.train.part(CandidateOptions)
    chosen = spread(scores, config.fused.part(FusedOptions).calibrate)
    setting.say(
        f"reference: trains {len(chosen)} networks for {options.epochs} epochs, as one "
        "population"
    )
    evaluator = trained_evaluator(
        options,
        reduced,
        reduced.task.with_options(config.train_task),
        setting.key("calibration"),
        kept=KeptOutcomes(setting.folder.path / "reference" / "trained.jsonl"),
        should_stop=setting.should_stop,
    )
    archs = np.asarray([rows[place].arch for place in chosen], np.int32)
    trained = evaluator(setting.key("calibration"), archs)
    features = {
        name: np.asarray(plain.normal_score(name, values[chosen]))
        for name, values in _features(setting, rows).items()
    }
    known = np.asarray(trained.status) == int(Status.OK)
    known &= np.isfinite(np.stack(list(features.values()))).all(axis=0)
    if known.sum() < FEWEST:
        setting.say(
            f"reference: {known.sum()} networks could be trained and compared, to "
            f"calibrate takes {FEWEST}: the weights of the configuration stay"
        )
        return None
    target = score_metric(reduced.task).as_score(
        np.asarray(trained.metrics[reduced.task.score])
    )
    learnt = calibrate(
        {name: values[known] for name, values in features.items()},
        scores[chosen][known],
        target[known],
    )
    for line in learnt.lines(f"validation {reduced.task.score}"):
        setting.say(f"reference: {line}")
    return learnt
