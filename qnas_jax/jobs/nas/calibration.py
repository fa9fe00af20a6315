"""A few networks trained from scratch, that teach a fused score its weights.

They are architectures of the reference sample, in the sizes of the supernet (smaller,
if that is, so that they cost little), and train as one population. What became of each
is kept as soon as it is known, and all of them stand in `reference/trained.jsonl` when
the last one has ended, so that nothing is trained twice.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.evaluation import Evaluation, MemoisedEvaluator
from qnas_jax.evaluation.fused import Calibration, calibrate
from qnas_jax.evaluation.fused.options import FEWEST
from qnas_jax.evaluation.trained import CandidateOptions, trained_evaluator
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import RowLog
from qnas_jax.user_code.kept_outcomes import KeptOutcomes


def train_networks(
    setting: NasSetting, archs: Sequence[tuple[int, ...]]
) -> list[Evaluation]:
    """Trains architectures, as far as that was not done before.

    Args:
      setting: the run.
      archs: op indices of each.

    Returns:
      An evaluation of each by the score of the task, in order.

    Raises:
      Stopped: the user asked to stop; finished networks are kept.
      RunError: what an earlier part left is damaged.
    """
    folder = setting.folder.path / "reference"
    log = RowLog(folder / "trained.jsonl", "--stage=reference does it again")
    kept = KeptOutcomes(folder / "outcomes.jsonl")
    options = setting.config.train.part(CandidateOptions)
    known = [Evaluation.from_row(row) for row in log.read()]
    if len(known) < len(archs):
        setting.say(
            f"reference: {len(archs)} networks train from scratch, {options.epochs} "
            "epochs each, to calibrate the score"
        )
    reduced = setting.reduced
    trained = trained_evaluator(
        options,
        reduced,
        reduced.task.with_options(setting.config.train_task),
        setting.key("calibration"),
        kept=kept,
        should_stop=setting.should_stop,
    )
    evaluator = MemoisedEvaluator(trained, setting.reduced_costs.cost, known)
    asked = np.asarray(archs, np.int32)
    evaluator(setting.key("calibration"), asked, generation=-1)
    log.append(evaluation.row() for evaluation in evaluator.fresh)
    kept.clear()
    return list(evaluator.history)


def learn_weights(
    setting: NasSetting,
    features: Mapping[str, np.ndarray],
    prior: Mapping[str, float],
    trained: Sequence[Evaluation],
) -> Calibration | None:
    """Learns weights and says how good they are.

    Args:
      setting: the run.
      features: normal scores float [N] by name.
      prior: the weights of the configuration.
      trained: an evaluation of each network, in order.

    Returns:
      What is learnt; None, which is said, if too few networks could be trained, or
      have features that are finite.
    """
    known = np.asarray([row.status == "ok" for row in trained])
    known &= np.isfinite(np.stack(list(features.values()))).all(axis=0)
    if known.sum() < FEWEST:
        setting.say(
            f"reference: {known.sum()} networks could be trained and compared, to "
            f"calibrate takes {FEWEST}: the weights of the configuration stay"
        )
        return None
    learnt = calibrate(
        {name: values[known] for name, values in features.items()},
        prior,
        np.asarray([row.score for row in trained])[known],
    )
    for line in learnt.lines(f"validation {setting.reduced.task.score}"):
        setting.say(f"reference: {line}")
    return learnt
