"""By which score the subnets of a trained supernet are compared: `search.score`."""

from qnas_jax.evaluation import Evaluator, ScoreOf
from qnas_jax.evaluation.fused import FusedEvaluator
from qnas_jax.jobs.nas.reference import check_loss, read_fused
from qnas_jax.jobs.nas.setting import NasSetting


def subnet_evaluator(setting: NasSetting) -> Evaluator:
    """The evaluator of a run's trained supernet, by the score that was chosen.

    Args:
      setting: the run; its supernet stage is finished, and its reference stage where
        the score is fused.

    Returns:
      One that gives the task's metrics; a fused one also each term, and `fused`.

    Raises:
      OptionError: the task has no loss.
      RunError: the weights, or what the reference stage left, are gone or damaged.
    """
    name = setting.config.search.score
    if name == "fused":
        check_loss(setting)
        return FusedEvaluator(setting.terms, read_fused(setting))
    subnets = setting.supernet_evaluator(setting.config.scoring)(setting.weights)
    if name == "accuracy":
        return subnets
    check_loss(setting)
    larger = setting.reduced.task.metrics["loss"].larger_is_better
    return subnets.replace(score=ScoreOf("loss", larger))
