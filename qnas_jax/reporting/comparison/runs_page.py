"""The page of runs side by side: their results, and how their searches compare."""

import pathlib
from collections.abc import Sequence
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.files import replace_file
from qnas_jax.reporting.comparison.benchmark_runs import benchmark_curves, focus_of
from qnas_jax.reporting.comparison.finished_runs import Finished
from qnas_jax.reporting.comparison.page import draw, rank_all, searches_content
from qnas_jax.reporting.comparison.run_results import result_tables
from qnas_jax.reporting.page import Shown, render

_OF_SEARCHES = [
    ("curves", "Distance to the optimum"),
    ("tables", "Results by budget"),
    ("tests", "Tests"),
]


def write_runs(found: Sequence[Finished], page: pathlib.Path) -> pathlib.Path:
    """Writes one page of runs side by side.

    Runs of benchmarks that can stand side by side (`benchmark_runs`) get figures and
    tests as in a comparison of strategies.

    Args:
      found: the runs.
      page: the file, replaced in one step; its folder is made if it is not there.

    Returns:
      The file; it opens without network and holds all figures.

    Raises:
      UserError: a result is damaged, or the page cannot be written.
    """
    tasks, unit = benchmark_curves(found)
    shown = Shown({}, {})
    content: dict[str, Any] = {"verdict": [], "tables": {}}
    if tasks:
        focus = focus_of(tasks, unit)
        # A mean rank over one table would say nothing of others.
        rankings = rank_all(tasks, focus.decisive) if len(tasks) > 1 else {}
        shown = draw(tasks, rankings, focus)
        content = searches_content(tasks, rankings, focus)
    results = [table.folded() for table in result_tables(found)]
    content |= {
        "results": results,
        "sections": [
            *((table.name, table.title) for table in results),
            *(_OF_SEARCHES if tasks else ()),
        ],
        "unfinished": [str(run.folder) for run in found if not run.result],
    }
    text = render("comparison/runs.html", shown, content)
    try:
        replace_file(page, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UserError(
            f"{page}: got {error.strerror or error}, expected a place for a page; name "
            "another file"
        ) from error
    return page
