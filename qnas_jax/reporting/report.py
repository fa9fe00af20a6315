"""From the rows of a work folder to figures and one page; nothing is recomputed."""

import json
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.files import replace_file
from qnas_jax.reporting import verdict
from qnas_jax.reporting.architecture_diagram import architecture_diagram
from qnas_jax.reporting.front import (
    budget_cells,
    front_figure,
    round_budgets,
    sort_front,
)
from qnas_jax.reporting.page import render
from qnas_jax.reporting.ranking_bars import ranking_bars
from qnas_jax.reporting.ranking_scatter import ranking_scatter
from qnas_jax.reporting.ranking_table import HEADINGS, ranking_cells
from qnas_jax.reporting.register_heatmap import register_entropy, register_heatmap
from qnas_jax.reporting.rows import Row, Run, column, read_run, scored
from qnas_jax.reporting.search_curves import (
    COSTS,
    known_costs,
    score_against_cost,
    search_progress,
)
from qnas_jax.reporting.statistics import Comparison, compare, wilson_interval
from qnas_jax.reporting.training_curves import (
    pool_scores,
    retrain_curves,
    supernet_curves,
)

FIGURES = (
    "supernet_curves",
    "pool_scores",
    "search_progress",
    "score_against_cost",
    "front",
    "register_heatmap",
    "register_entropy",
    "ranking_scatter",
    "ranking_bars",
    "retrain_curves",
    "architecture_diagram",
)


def write_report(workdir: pathlib.Path) -> pathlib.Path:
    """Writes `figures/*.png` and `report.html` into a work folder.

    A run that is not finished gets the sections its rows allow. The same rows always
    give the same page. Every file is replaced in one step.

    Args:
      workdir: the work folder; at least `config.json` must be there.

    Returns:
      The path of the page; it opens without network and holds all figures.

    Raises:
      MissingFileError: the folder is not a work folder.
      UserError: a file in it is broken; the message names file and line.
    """
    run = read_run(workdir)
    figures = draw_figures(run)
    page = render_page(run, figures)
    folder = workdir / "figures"
    folder.mkdir(exist_ok=True)
    for name in FIGURES:
        path = folder / f"{name}.png"
        if name in figures:
            replace_file(path, figures[name])
        else:
            path.unlink(missing_ok=True)
    replace_file(workdir / "report.html", page.encode("utf-8", "backslashreplace"))
    return workdir / "report.html"


def draw_figures(run: Run) -> dict[str, bytes]:
    """Draws every figure whose rows are there.

    Args:
      run: the rows of a work folder.

    Returns:
      PNG files by the names of `FIGURES`.
    """
    winner = _winner(run)
    layers = (run.result or {}).get("layers") or []
    figures = {}
    if run.supernet:
        figures["supernet_curves"] = supernet_curves(run.supernet)
    if run.pool:
        figures["pool_scores"] = pool_scores(run.pool)
    if run.search:
        figures["search_progress"] = search_progress(
            run.search, run.history, _scored_by(run)
        )
    if known_costs(run.history):
        figures["score_against_cost"] = score_against_cost(
            run.history, winner, _limits(run), _scored_by(run)
        )
    cost = _cost_of_front(run)
    if cost:
        front = sort_front(scored(run.history), cost)
        label = COSTS[cost][1] if cost in COSTS else cost
        figures["front"] = front_figure(front, scored(run.history), cost, label=label)
    if run.registers is not None:
        names = [row["op"] for row in layers if row.get("role", "layer") == "layer"]
        figures["register_heatmap"] = register_heatmap(
            run.registers, winner, names or None
        )
        figures["register_entropy"] = register_entropy(run.registers)
    if run.ranking:
        figures["ranking_scatter"] = ranking_scatter(run.ranking)
        if run.ranking.get("measures"):
            figures["ranking_bars"] = ranking_bars(run.ranking["measures"])
    if run.retrain:
        figures["retrain_curves"] = retrain_curves(run.retrain)
    if layers:
        figures["architecture_diagram"] = architecture_diagram(layers)
    return figures


def render_page(run: Run, figures: Mapping[str, bytes]) -> str:
    """Fills the page's template.

    Args:
      run: the rows of a work folder.
      figures: PNG files by name, embedded into the page.

    Returns:
      A complete HTML document without script and without outside resources.
    """
    return render("report.html", figures, _content(run))


def _content(run: Run) -> dict[str, Any]:
    result = run.result or {}
    comparisons = _comparisons(result)
    found = run.result or run.best
    return {
        "data": result.get("data") or _group(run.config, "data").get("name", "?"),
        "space": result.get("space") or _group(run.config, "space").get("name", "?"),
        "result": run.result,
        "interval": _interval(result),
        "verdict": _verdict(run, comparisons),
        "networks": _networks(result, comparisons),
        "score_words": verdict.score_words(_scored_by(run)),
        "ranking": run.ranking,
        "ranking_headings": HEADINGS,
        "ranking_cells": ranking_cells((run.ranking or {}).get("measures") or {}),
        "found": found,
        "arch_json": json.dumps(found["arch"]) if found and "arch" in found else None,
        "layers": result.get("layers") or [],
        "budget": _budget(run),
        "front_cost": _cost_of_front(run),
        "front_table": _front_table(run),
        "pool": _pool_members(run.pool),
        "pool_epoch": run.pool[-1]["epoch"] if run.pool else None,
        "settings": _flattened(run.config),
        "environment": _flattened(run.environment or {}),
        "command": _command(run.environment or {}),
        "seed": run.config.get("seed"),
        "commit": (run.environment or {}).get("commit"),
    }


def _group(config: Row, name: str) -> Row:
    group = config.get(name)
    return group if isinstance(group, dict) else {}


def _scored_by(run: Run) -> str:
    """The metric that the search improved, "" in a folder of before it was said."""
    return str((run.result or run.best or {}).get("scored_by", ""))


def _winner(run: Run) -> list[int] | None:
    found = run.result or run.best or {}
    return found.get("arch")


def _cost_of_front(run: Run) -> str:
    """The first cost of a search for several objectives; "" where there is none."""
    objectives = (run.result or run.best or {}).get("objectives") or []
    return objectives[1] if objectives and scored(run.history) else ""


def _front_table(run: Run) -> list[list[str]]:
    """The best under each of some round budgets."""
    cost = _cost_of_front(run)
    if not cost:
        return []
    front = sort_front(scored(run.history), cost)
    return budget_cells(front, cost, round_budgets(front, cost))


def _limits(run: Run) -> dict[str, float]:
    """What the network was allowed to cost, by name of the cost."""
    return (run.result or run.best or {}).get("constraints") or {}


def _interval(
    network: Row, num_images: int | None = None
) -> tuple[float, float] | None:
    images = num_images or network.get("test_images")
    if images is None or network.get("test_accuracy") is None:
        return None
    return wilson_interval(network["test_accuracy"], images)


def _comparisons(result: Row) -> list[Comparison]:
    others = {
        name: network["test_accuracy"]
        for name, network in (result.get("baselines") or {}).items()
        if network.get("test_accuracy") is not None
    }
    if _interval(result) is None:
        return []
    return compare(result["test_accuracy"], others, result["test_images"])


def _verdict(run: Run, comparisons: Sequence[Comparison]) -> list[str]:
    result = run.result or {}
    ranking = run.ranking or {}
    worths = (result.get("worth"), result.get("worth_by_truth"), ranking.get("worth"))
    sentences = [worth["sentence"] for worth in worths if worth]
    if _interval(result):
        sentences.append(
            verdict.accuracy_sentence(result["test_accuracy"], result["test_images"])
        )
    if _limits(run) and run.result:
        sentences.append(verdict.budget_sentence(_limits(run), result))
    sentences += [
        verdict.comparison_sentence(one, len(comparisons)) for one in comparisons
    ]
    # Until an evaluation succeeds there is no best score.
    known = np.isfinite(column(run.search, "best"))
    search = [row for row, use in zip(run.search, known, strict=True) if use]
    if search:
        sentences.append(verdict.search_sentence(search, _scored_by(run)))
    return sentences


def _networks(result: Row, comparisons: Sequence[Comparison]) -> list[Row]:
    """The rows of the comparison table, the winner first."""
    if not result:
        return []
    ahead = {one.name: one for one in comparisons}
    rows = {"winner": result, **(result.get("baselines") or {})}
    return [
        {
            "name": verdict.network_name(name, row.get("width")),
            "search_score": row.get("search_score"),
            "validation_accuracy": row.get("validation_accuracy"),
            "test_accuracy": row.get("test_accuracy"),
            "interval": _interval(row, result.get("test_images")),
            "parameters": row.get("parameters"),
            "macs": row.get("macs"),
            "comparison": ahead.get(name),
        }
        for name, row in rows.items()
    ]


def _budget(run: Run) -> Row:
    """Evaluations and seconds; seconds are only known for finished stages."""
    result = run.result or {}
    evaluations = result.get("evaluations")
    if evaluations is None and run.search:
        evaluations = run.search[-1]["evaluations"]
    seconds = result.get("seconds") or {}
    return {
        "evaluations": evaluations,
        "reference": result.get("reference_evaluations"),
        "distinct": len({tuple(row["arch"]) for row in run.history}),
        "failed": sum(row["status"] != "ok" for row in run.history),
        "generations": len(run.search),
        "strategy": result.get("strategy"),
        "acts_by": result.get("acts_by"),
        "seconds": seconds,
        "total": sum(seconds.values()),
    }


def _pool_members(pool: Sequence[Row]) -> list[tuple[float, list[int]]]:
    """The members of the last pool, best first."""
    if not pool:
        return []
    members = zip(pool[-1]["scores"], pool[-1]["archs"], strict=True)
    return sorted(members, key=lambda member: -member[0])


def _flattened(tree: Row, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, value) pairs in order."""
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            pairs += _flattened(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            pairs.append((prefix + name, text))
    return pairs


def _command(environment: Row) -> str | None:
    command = environment.get("command")
    return shlex.join(command) if isinstance(command, list) else command
