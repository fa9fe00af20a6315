"""`qnas compare`: the results of runs side by side, the best first."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qnas_jax.command.words import word_parser
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.printing import columns, say
from qnas_jax.reading import parse_json, read_bytes
from qnas_jax.reporting import formats
from qnas_jax.reporting.facts import num_tested
from qnas_jax.reporting.wilson import wilson_interval

_NAS = (
    *("run", "data", "space", "strategy", "test accuracy", "95 % interval"),
    *(
        "parameters",
        "multiply-adds",
        "evaluations",
        "time",
        "against random picks",
        "seed",
    ),
)
_BENCHMARK = ("run", "table", "strategy", "searches", "budget", "mean of the best")
_SOLVE = ("run", "problem", "optimiser", "cost", "evaluations")


def run(words: Sequence[str]) -> int:
    """Prints a table for each kind of run among the folders.

    Args:
      words: behind `qnas compare`.

    Returns:
      The exit status.

    Raises:
      UserError: none of the folders is a run.
    """
    parser = word_parser("compare", "the results of runs side by side, the best first")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="work folders of runs")
    folders = [pathlib.Path(each) for each in parser.parse_args(words).runs]
    found = [(folder, read_result(folder)) for folder in folders if _is_run(folder)]
    if not found:
        raise MissingFileError(
            f"qnas compare: got {', '.join(map(str, folders))}, expected work folders "
            "of runs, with a config.json"
        )
    say(comparison(found))
    return 0


def comparison(found: Sequence[tuple[pathlib.Path, Mapping[str, Any]]]) -> list[str]:
    """The tables of results.

    Args:
      found: folder and result of each run, see `read_result`.

    Returns:
      Lines: a table a kind of run, then the runs that have no result yet.
    """
    lines: list[str] = []
    done = sorted(found, key=lambda each: _rank(each[1]))
    for head, has, row in (
        (_NAS, "arch", _nas_row),
        (_BENCHMARK, "table", _benchmark_row),
        (_SOLVE, "optimiser", _solve_row),
    ):
        rows = [
            _checked(row, folder, result) for folder, result in done if has in result
        ]
        if rows:
            lines += [*columns([head, *rows]), ""]
    unfinished = [str(folder) for folder, result in found if not result]
    if unfinished:
        lines += [f"no result yet: {', '.join(unfinished)}"]
    return lines if unfinished else lines[:-1]


def read_result(folder: pathlib.Path) -> dict[str, Any]:
    """What a run has found; empty before it has.

    Args:
      folder: its work folder.

    Returns:
      The content of `result.json`, or of `solution.json`.

    Raises:
      UserError: the file is damaged.
    """
    for name in ("result.json", "solution.json"):
        path = folder / name
        if path.is_file():
            value = parse_json(read_bytes(path), str(path))
            if not isinstance(value, dict):
                raise UserError(f"{path}: got no JSON object, expected a result")
            return value
    return {}


def _checked(
    row: Callable[[pathlib.Path, Mapping[str, Any]], tuple[str, ...]],
    folder: pathlib.Path,
    result: Mapping[str, Any],
) -> tuple[str, ...]:
    try:
        return row(folder, result)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder}: its result is not as a run leaves it ({type(error).__name__}: "
            f"{error}); --stage=report writes it again"
        ) from error


def _rank(result: Mapping[str, Any]) -> float:
    """The best accuracy first, whatever else a damaged file holds."""
    accuracy = result.get("test_accuracy")
    return -accuracy if isinstance(accuracy, float | int) else 0.0


def _is_run(folder: pathlib.Path) -> bool:
    return (folder / "config.json").is_file()


def _nas_row(folder: pathlib.Path, result: Mapping[str, Any]) -> tuple[str, ...]:
    accuracy, interval = result.get("test_accuracy"), formats.MISSING
    tested = num_tested(result)
    if accuracy is not None and tested:
        low, high = wilson_interval(accuracy, tested)
        interval = f"{formats.percent(low)} to {formats.percent(high)}"
    worth = result.get("worth") or {}
    return (
        str(folder),
        *(
            str(result.get(name, formats.MISSING))
            for name in ("data", "space", "strategy")
        ),
        formats.percent(accuracy),
        interval,
        formats.count(result.get("parameters")),
        formats.count(result.get("macs")),
        formats.count(result.get("evaluations")),
        formats.duration(sum((result.get("seconds") or {}).values())),
        str(worth.get("verdict", formats.MISSING)),
        str(result.get("seed", formats.MISSING)),
    )


def _benchmark_row(folder: pathlib.Path, result: Mapping[str, Any]) -> tuple[str, ...]:
    last = result["budgets"][-1]
    mean = last.get("test", last["validation"])["mean"]
    return (
        str(folder),
        str(result["table"]),
        str(result.get("strategy", formats.MISSING)),
        formats.count(result.get("searches")),
        f"{last['budget']:g} {result['budget_in']}",
        formats.MISSING if mean is None else f"{mean:.5g}",
    )


def _solve_row(folder: pathlib.Path, result: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(folder),
        str(result.get("file", formats.MISSING)),
        str(result["optimiser"]),
        f"{result['cost']:.6g}",
        formats.count(result.get("evaluations")),
    )
