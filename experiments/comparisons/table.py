"""The comparison as one Markdown table, from its rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.measuring.rows import table
from qnas_jax.reporting.comparison.records import Curves

Tasks = Mapping[str, Mapping[str, Curves]]


def comparison_table(tasks: Tasks, budgets: Sequence[float] = (100, 200)) -> str:
    """Test accuracy of every strategy by task and budget.

    Args:
      tasks: curves by task and strategy.
      budgets: evaluations.

    Returns:
      Markdown, the highest mean over the tasks at the first budget first: mean and
      sample standard deviation in percent ("-" where it was not run so far), the median
      evaluations to the first arch of the top 1 % by task, and the searches of each.
    """
    names = list(next(iter(tasks.values())))
    lines = []
    for name in sorted(names, key=lambda name: -_mean(tasks, name, budgets[0])):
        own = [task[name] for task in tasks.values()]
        line: dict[str, object] = {"strategy": name}
        for curves in own:
            for budget in budgets:
                line[f"{curves.task}, {budget}"] = _cell(curves.at(budget))
        line["top 1 %"] = " / ".join(f"{np.median(c.first_top):.0f}" for c in own)
        line["searches"] = len(own[0].test)
        lines.append(line)
    return table(lines, list(lines[0]))


def _mean(tasks: Tasks, name: str, budget: float) -> float:
    found = [task[name].at(budget) for task in tasks.values()]
    return float(np.mean([-1.0 if v is None else v.mean() for v in found]))


def _cell(values: np.ndarray | None) -> str:
    if values is None:
        return "-"
    return f"{100 * values.mean():.2f} ± {100 * values.std(ddof=1):.2f}"
