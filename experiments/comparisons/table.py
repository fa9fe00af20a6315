"""The comparison as one Markdown table, from its rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.measuring.rows import table
from qnas_jax.reporting.comparison.records import Curves

Tasks = Mapping[str, Mapping[str, Curves]]


def comparison_table(
    tasks: Tasks,
    budgets: Sequence[float] = (100, 200),
    acts_by: Mapping[str, str] | None = None,
) -> str:
    """Test accuracy of every strategy by task and budget.

    Args:
      tasks: curves by task and strategy.
      budgets: evaluations.
      acts_by: for a column of its own, what each strategy acts by.

    Returns:
      Markdown, the highest mean over the tasks at the first budget first: mean and
      sample standard deviation in percent ("-" where it was not run so far, or not at
      all), the median evaluations to the first arch of the top 1 % by task, and the
      searches of each.
    """
    names = dict.fromkeys(name for task in tasks.values() for name in task)
    lines = []
    for name in sorted(names, key=lambda name: -_mean(tasks, name, budgets[0])):
        own = {task: curves.get(name) for task, curves in tasks.items()}
        line: dict[str, object] = {"strategy": name}
        if acts_by is not None:
            line["acts by"] = acts_by.get(name, "-")
        for task, curves in own.items():
            for budget in budgets:
                found = None if curves is None else curves.at(budget)
                line[f"{task}, {budget}"] = _cell(found)
        line["top 1 %"] = " / ".join(
            "-" if curves is None else f"{np.median(curves.first_top):.0f}"
            for curves in own.values()
        )
        line["searches"] = max(len(c.test) for c in own.values() if c is not None)
        lines.append(line)
    return table(lines, list(lines[0]))


def _mean(tasks: Tasks, name: str, budget: float) -> float:
    """Over the tasks that it was run on, as deviations from the task's mean."""
    found = []
    for strategies in tasks.values():
        values = {n: c.at(budget) for n, c in strategies.items()}
        means = {n: v.mean() for n, v in values.items() if v is not None}
        if name in means:
            found.append(means[name] - np.mean(list(means.values())))
    return float(np.mean(found)) if found else -np.inf


def _cell(values: np.ndarray | None) -> str:
    if values is None:
        return "-"
    return f"{100 * values.mean():.2f} ± {100 * values.std(ddof=1):.2f}"
