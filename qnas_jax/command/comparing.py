"""`qnas compare`: the results of runs side by side, the best first."""

import pathlib
from collections.abc import Sequence

from qnas_jax.command.words import word_parser
from qnas_jax.errors import MissingFileError
from qnas_jax.printing import columns, say
from qnas_jax.reporting.comparison.finished_runs import Finished, read_finished
from qnas_jax.reporting.comparison.run_results import result_tables


def run(words: Sequence[str]) -> int:
    """Prints a table for each kind of run; writes a page of them if asked.

    Args:
      words: behind `qnas compare`.

    Returns:
      The exit status.

    Raises:
      UserError: none of the folders is a run, or the page cannot be written.
    """
    parser = word_parser("compare", "the results of runs side by side, the best first")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="work folders of runs")
    parser.add_argument(
        "--html", metavar="FILE", help="also as a page that opens anywhere"
    )
    asked = parser.parse_args(words)
    folders = [pathlib.Path(each) for each in asked.runs]
    found = [read_finished(folder) for folder in folders if _is_run(folder)]
    if not found:
        raise MissingFileError(
            f"qnas compare: got {', '.join(map(str, folders))}, expected work folders "
            "of runs, with a config.json"
        )
    lines = comparison(found)
    if asked.html:
        from qnas_jax.reporting.comparison.runs_page import write_runs

        lines += ["", f"page: {write_runs(found, pathlib.Path(asked.html))}"]
    say(lines)
    return 0


def comparison(found: Sequence[Finished]) -> list[str]:
    """The tables of results.

    Args:
      found: runs, see `read_finished`.

    Returns:
      Lines: a table a kind of run, then the runs that have no result yet.
    """
    lines: list[str] = []
    for table in result_tables(found):
        rows = [[cell.text for cell in row] for row in table.rows]
        lines += [*columns([table.headings, *rows]), ""]
    unfinished = [str(run.folder) for run in found if not run.result]
    if unfinished:
        lines += [f"no result yet: {', '.join(unfinished)}"]
    return lines if unfinished else lines[:-1]


def _is_run(folder: pathlib.Path) -> bool:
    return (folder / "config.json").is_file()
