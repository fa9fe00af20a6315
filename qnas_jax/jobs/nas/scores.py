"""By which score networks are compared in a search: `search.score`."""

from qnas_jax.evaluation import Evaluator, ScoreOf, make_evaluator
from qnas_jax.evaluation.fused import FusedEvaluator
from qnas_jax.evaluation.trained import TrainedEvaluator
from qnas_jax.jobs.nas.reference import read_fused
from qnas_jax.jobs.nas.setting import NasSetting


def subnet_evaluator(setting: NasSetting) -> Evaluator:
    """The evaluator of a run's trained supernet, by the score that was chosen.

    Args:
      setting: the run; its supernet stage is finished, and its reference stage where
        the score is fused.

    Returns:
      One that gives the task's metrics; a fused one also each term, and `fused`.

    Raises:
      RunError: the weights, or what the reference stage left, are gone or damaged.
    """
    name = setting.config.search.score
    if name == "fused":
        return FusedEvaluator(setting.terms, read_fused(setting))
    subnets = setting.supernet_evaluator(setting.config.scoring)(setting.weights)
    if name == "accuracy":
        return subnets
    return subnets.replace(score=_by(name, setting))


def candidate_evaluator(setting: NasSetting) -> Evaluator:
    """The evaluator of a run without a supernet, by the score that was chosen.

    Args:
      setting: the run.

    Returns:
      One that trains its candidates scores by what was chosen, others as they do.

    Raises:
      UserError: the evaluator cannot be made.
    """
    config = setting.config
    evaluator = make_evaluator(config.evaluator, config.evaluator_options, setting)
    name = config.search.score
    if isinstance(evaluator, TrainedEvaluator) and name not in ("accuracy", "fused"):
        evaluator.score = _by(name, setting)
    return evaluator


def _by(name: str, setting: NasSetting) -> ScoreOf:
    return ScoreOf(name, setting.task.metrics[name].larger_is_better)
