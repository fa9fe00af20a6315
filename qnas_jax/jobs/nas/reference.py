"""Stage between supernet and search, where the score is fused: the reference sample.

Random architectures are evaluated once, so that scores can be ranks among them; these
evaluations stand in `reference/evaluations.jsonl`, as those of a search do in its
history, of generation -1. If weights are to be learnt, some of them are trained from
scratch (`jobs/nas/calibration.py`). `reference/weights.json` is the end of the stage.

All of it follows from the seed and the supernet, so a stage that was stopped goes on to
the same end.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, MemoisedEvaluator
from qnas_jax.evaluation.fused import FusedOptions, FusedScore, draw_reference, spread
from qnas_jax.jobs.nas.calibration import learn_weights, train_networks
from qnas_jax.jobs.nas.metrics import check_score
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import RowLog, RunError, WorkFolder, read_sealed, write_sealed
from qnas_jax.stopping import Stopped

GENERATION = -1
"""Of the reference's evaluations: before the first of a search."""

_AGAIN = "--stage=reference does it again"


def check_reference(setting: NasSetting) -> None:
    """Checks the options of a fused score.

    Args:
      setting: the run; no stage of it need be finished.

    Raises:
      UserError: the task has no loss, or networks cannot be trained to calibrate.
    """
    check_score(setting)
    if setting.config.fused.part(FusedOptions).calibrate:
        setting.check_training("train")


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
    score = _score(setting, rows, options.weight_by_name)
    features = score.features(sample, _measured(setting, rows))
    total = np.asarray(score(features))
    if not np.isfinite(total).any():
        raise UserError(
            f"reference: none of {len(rows)} architectures has a finite score; take "
            "other fused.terms, or train the supernet again"
        )
    found: dict[str, Any] = {"weights": dict(score.weights), "calibration": None}
    if options.calibrate:
        places = spread(total, options.calibrate)
        trained = train_networks(setting, [rows[place].arch for place in places])
        normal = {
            name: np.asarray(score.normal_score(name, np.asarray(values)[places]))
            for name, values in features.items()
        }
        learnt = learn_weights(setting, normal, score.weights, trained)
        if learnt is not None:
            found["calibration"] = dataclasses.asdict(learnt)
            found["weights"] = learnt.weights if learnt.is_better else found["weights"]
    write_sealed(_weights_path(setting.folder), found)
    parts = [f"{weight:.3g} {name}" for name, weight in found["weights"].items()]
    return (
        f"the score is {' + '.join(parts)}, by ranks in {len(rows)} random "
        "architectures"
    )


def read_fused(setting: NasSetting) -> FusedScore:
    """The score that the stage has left.

    Args:
      setting: the run; its reference stage is finished.

    Raises:
      RunError: it is gone or damaged.
    """
    weights = read_sealed(_weights_path(setting.folder), _AGAIN)["weights"]
    return _score(setting, _read(setting), weights)


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
    return list(evaluator.history)


def _score(
    setting: NasSetting, rows: list[Evaluation], weights: Mapping[str, float]
) -> FusedScore:
    sample = np.asarray([row.arch for row in rows], np.int32)
    return FusedScore.with_effects(
        sample, setting.space.num_ops, _measured(setting, rows), weights
    )


def _measured(setting: NasSetting, rows: list[Evaluation]) -> dict[str, np.ndarray]:
    """The loss and the terms float32 [R] by name; NaN where there is no number."""
    names = ("loss", *setting.config.fused.part(FusedOptions).measured)
    return {
        name: np.asarray([row.metrics[name] for row in rows], np.float32)
        for name in names
    }
