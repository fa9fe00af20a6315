"""From the rows of a work folder to figures and one page; nothing is recomputed."""

import json
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.files import replace_file
from qnas_jax.reporting import facts, verdict
from qnas_jax.reporting.loss_rows import loss_sentences, loss_table
from qnas_jax.reporting.page import render
from qnas_jax.reporting.ranking_table import HEADINGS, ranking_cells
from qnas_jax.reporting.rows import Row, Run, column, read_run
from qnas_jax.reporting.run_figures import FIGURES, draw_figures
from qnas_jax.reporting.statistics import Comparison, compare, wilson_interval


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
    found, losses = run.result or run.best, loss_table(run.result)
    return {
        "data": result.get("data") or _group(run.config, "data").get("name", "?"),
        "space": result.get("space") or _group(run.config, "space").get("name", "?"),
        "result": run.result,
        "interval": _interval(result),
        "verdict": _verdict(run, comparisons),
        "losses": losses,
        "networks": [] if losses else _networks(result, comparisons),
        "num_tested": facts.num_tested(run.result or {}),
        "score_words": verdict.score_words(facts.scored_by(run)),
        "ranking": run.ranking,
        "ranking_headings": HEADINGS,
        "ranking_cells": ranking_cells((run.ranking or {}).get("measures") or {}),
        "found": found,
        "arch_json": json.dumps(found["arch"]) if found and "arch" in found else None,
        "layers": result.get("layers") or [],
        "budget": _budget(run),
        "front_cost": facts.cost_of_front(run),
        "front_table": facts.front_cells(run),
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


def _interval(
    network: Row, num_images: int | None = None
) -> tuple[float, float] | None:
    images = num_images or facts.num_tested(network)
    if images is None or network.get("test_accuracy") is None:
        return None
    return wilson_interval(network["test_accuracy"], images)


def _others(result: Row) -> dict[str, Row]:
    """What the winner is held against, by name: networks, then other classifiers."""
    return {**(result.get("baselines") or {}), **(result.get("classifiers") or {})}


def _comparisons(result: Row) -> list[Comparison]:
    others = {
        name: network["test_accuracy"]
        for name, network in _others(result).items()
        if network.get("test_accuracy") is not None
    }
    tested = facts.num_tested(result)
    if tested is None or _interval(result) is None:
        return []
    return compare(result["test_accuracy"], others, tested)


def _verdict(run: Run, comparisons: Sequence[Comparison]) -> list[str]:
    result = run.result or {}
    ranking = run.ranking or {}
    worths = (result.get("worth"), result.get("worth_by_truth"), ranking.get("worth"))
    sentences = [worth["sentence"] for worth in worths if worth]
    tested = facts.num_tested(result)
    if tested is not None and _interval(result):
        sentences.append(verdict.accuracy_sentence(result["test_accuracy"], tested))
    sentences += loss_sentences(result)
    if facts.limits(run) and run.result:
        sentences.append(verdict.budget_sentence(facts.limits(run), result))
    sentences += [
        verdict.comparison_sentence(one, len(comparisons)) for one in comparisons
    ]
    # Until an evaluation succeeds there is no best score.
    known = np.isfinite(column(run.search, "best"))
    search = [row for row, use in zip(run.search, known, strict=True) if use]
    if search:
        sentences.append(verdict.search_sentence(search, facts.scored_by(run)))
    return sentences


def _networks(result: Row, comparisons: Sequence[Comparison]) -> list[Row]:
    """The rows of the comparison table, the winner first."""
    if not result:
        return []
    ahead = {one.name: one for one in comparisons}
    rows = {"winner": result, **_others(result)}
    return [
        {
            "name": verdict.network_name(name, row.get("width")),
            "search_score": row.get("search_score"),
            "validation_accuracy": row.get("validation_accuracy"),
            "test_accuracy": row.get("test_accuracy"),
            "interval": _interval(row, facts.num_tested(result)),
            "macro_f1": row.get("test_macro_f1"),
            "macro_f1_interval": (row.get("intervals") or {}).get("test_macro_f1"),
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
