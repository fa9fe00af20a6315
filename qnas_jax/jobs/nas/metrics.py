"""Whether networks of a task are judged by a metric that a search is to improve."""

from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import OptionError


def check_score(setting: NasSetting) -> None:
    """Checks that the task has what `search.score` names.

    Args:
      setting: the run; no stage of it need be finished.

    Raises:
      OptionError: it has not.
    """
    name = setting.config.search.score
    metrics = setting.task.metrics
    needed = "loss" if name == "fused" else name
    if name != "accuracy" and needed not in metrics:
        others = [metric for metric in metrics if metric != "accuracy"]
        allowed = f"accuracy (the task's own score), {', '.join(others)}"
        raise OptionError("search.score", name, allowed)
