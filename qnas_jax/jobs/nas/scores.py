"""By which score networks are compared in a search: `search.score`."""

from qnas_jax.evaluation import Evaluator, ScoreOf, make_evaluator
from qnas_jax.evaluation.fused import FusedEvaluator
from qnas_jax.evaluation.trained import TrainedEvaluator
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
    return subnets.replace(score=_by_loss(setting))


def candidate_evaluator(setting: NasSetting) -> Evaluator:
    """The evaluator of a run without a supernet, by the score that was chosen.

    Args:
      setting: the run.

    Returns:
      One that trains its candidates scores by what was chosen, others as they do.

    Raises:
      OptionError: the task has no loss.
      UserError: the evaluator cannot be made.
    """
    config = setting.config
    evaluator = make_evaluator(config.evaluator, config.evaluator_options, setting)
    if isinstance(evaluator, TrainedEvaluator) and config.search.score == "loss":
        evaluator.score = _by_loss(setting)
    return evaluator


def _by_loss(setting: NasSetting) -> ScoreOf:
    check_loss(setting)
    return ScoreOf("loss", setting.task.metrics["loss"].larger_is_better)
