"""By which score the subnets of a trained supernet are compared: `search.score`."""

from typing import Any

from qnas_jax.evaluation import Evaluator, ScoreOf, SupernetEvaluator
from qnas_jax.evaluation.fused import FusedEvaluator
from qnas_jax.jobs.nas.reference import check_loss, read_fused
from qnas_jax.jobs.nas.setting import NasSetting


def scored_evaluator(setting: NasSetting, subnets: SupernetEvaluator) -> Evaluator:
    """The evaluator of a run's trained supernet.

    Args:
      setting: the run; where the score is fused, its reference stage is finished.
      subnets: evaluates by the score of the task.

    Returns:
      The same, or one by the loss, or by the fused score.

    Raises:
      OptionError: the task has no loss.
      RunError: what the reference stage left is gone or damaged.
    """
    name = setting.config.search.score
    if name == "accuracy":
        return subnets
    check_loss(setting)
    if name == "fused":
        return FusedEvaluator(setting.terms, read_fused(setting))
    larger = setting.reduced.task.metrics["loss"].larger_is_better
    return subnets.replace(score=ScoreOf("loss", larger))


def as_score(setting: NasSetting, name: str, values: Any) -> Any:
    """A metric of such an evaluator such that larger is better.

    Args:
      setting: the run.
      name: of a metric of the task, of a term, or `fused`.
      values: float [P].

    Returns:
      float [P].
    """
    metrics = setting.task.metrics
    return metrics[name].as_score(values) if name in metrics else values
