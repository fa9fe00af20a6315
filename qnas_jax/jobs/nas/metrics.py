"""Whether networks of a task are judged by a metric that a search is to improve."""

from qnas_jax.evaluation import EVALUATORS
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import OptionError


def check_score(setting: NasSetting) -> None:
    """Checks that the task has what `search.score` names; other evaluators have theirs.

    Args:
      setting: the run; no stage of it need be finished.

    Raises:
      OptionError: it has not.
    """
    config = setting.config
    name, evaluator = config.search.score, config.evaluator.name
    if name == "accuracy" or not (EVALUATORS[evaluator].trains or evaluator == "train"):
        return
    metrics = setting.task.metrics
    if ("loss" if name == "fused" else name) not in metrics:
        others = [metric for metric in metrics if metric != "accuracy"]
        allowed = f"accuracy (the task's own score), {', '.join(others)}"
        raise OptionError("search.score", name, allowed)
