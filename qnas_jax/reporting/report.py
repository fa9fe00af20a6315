"""From the rows of a work folder to figures and one page; nothing is recomputed."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.files import replace_file
from qnas_jax.reporting import facts, formats, verdict
from qnas_jax.reporting.archs import (
    Box,
    boxes_of_arch,
    boxes_of_layers,
    layer_labels,
    op_names,
)
from qnas_jax.reporting.best_archs import MOST_SHOWN, BestArch, best_archs
from qnas_jax.reporting.commands import predicting, told_command
from qnas_jax.reporting.loss_rows import loss_sentences, loss_table
from qnas_jax.reporting.next_steps import next_steps
from qnas_jax.reporting.one_core import one_core_sentence
from qnas_jax.reporting.page import Shown, render
from qnas_jax.reporting.ranking_table import HEADINGS, ranking_cells
from qnas_jax.reporting.result_tables import (
    accuracy_interval,
    class_tables,
    comparisons_of,
    network_rows,
)
from qnas_jax.reporting.rows import Row, Run, column, read_run, scored
from qnas_jax.reporting.run_charts import shown_of_run
from qnas_jax.reporting.run_figures import FIGURES
from qnas_jax.reporting.run_front import front_content, front_members
from qnas_jax.reporting.search_curves import COSTS, known_costs
from qnas_jax.reporting.spent import device_words, stage_costs
from qnas_jax.reporting.statistics import Comparison
from qnas_jax.reporting.wilson import wilson_interval


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
    page, figures = render_page(read_run(workdir))
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


def render_page(run: Run) -> tuple[str, Mapping[str, bytes]]:
    """The page of a run.

    Args:
      run: the rows of a work folder.

    Returns:
      A complete HTML document without outside resources, and its figures, PNG files by
      name.
    """
    best = best_archs(run.history, facts.winner(run))
    members = front_members(run, best)
    shown = shown_of_run(run, best, members)
    content = _content(run, shown, best) | front_content(run, members)
    return render("report.html", shown, content), shown.figures


def _content(run: Run, shown: Shown, best: Sequence[BestArch]) -> dict[str, Any]:
    result = run.result or {}
    comparisons = comparisons_of(result)
    found, losses = run.result or run.best, loss_table(run.result)
    environment = run.environment or {}
    content = {
        "data": result.get("data") or _group(run.config, "data").get("name", "?"),
        "space": result.get("space") or _group(run.config, "space").get("name", "?"),
        "result": run.result,
        "num_tested": facts.num_tested(result),
        "interval": accuracy_interval(result),
        "verdict": _verdict(run, comparisons),
        "losses": losses,
        "steps": next_steps(run, comparisons),
        "networks": [] if losses else network_rows(result, comparisons),
        "tests": sorted({one.test for one in comparisons}),
        "classes": class_tables(result),
        "score_origin": verdict.score_origin(run.config),
        "points_note": _points_note(run),
        "score_words": verdict.score_words(facts.scored_by(run)),
        "ranking": run.ranking,
        "ranking_headings": HEADINGS,
        "ranking_cells": ranking_cells((run.ranking or {}).get("measures") or {}),
        "found": found,
        "arch_json": json.dumps(found["arch"]) if found and "arch" in found else None,
        "boxes": _boxes(run),
        "layers": result.get("layers") or [],
        "predict": predicting(run),
        "one_core": one_core_sentence(run.model or {}),
        "budget": _budget(run),
        "best": _best_rows(run, best),
        "best_costs": [(cost, COSTS[cost][0]) for cost in known_costs(run.history)],
        "pool": _pool_members(run),
        "pool_epoch": run.pool[-1]["epoch"] if run.pool else None,
        "spent": stage_costs(run),
        "device": device_words(environment),
        "settings": _flattened(run.config),
        "environment": _flattened(environment),
        "command": told_command(environment),
        "seed": run.config.get("seed"),
        "commit": environment.get("commit"),
    }
    return {**content, "sections": _sections(content, shown)}


def _sections(content: Row, shown: Shown) -> list[tuple[str, str]]:
    """Names and titles of the sections that the page will have, in order."""
    drawn, what = set(shown.figures), "winning" if content["result"] else "best"
    sections = (
        ("next", "What to do next", content["steps"]),
        ("losses", "Comparison", content["losses"]),
        ("comparison", "Comparison", content["networks"]),
        ("classes", "Classes", content["classes"]),
        ("architecture", f"The {what} architecture", content["found"]),
        ("predict", "Predict with it", content["predict"]),
        ("search", "Search", drawn & {"search_progress", "score_against_cost"}),
        ("registers", "Probabilities of the ops", drawn & {"register_heatmap"}),
        ("ranking", "Ranking", content["ranking"]),
        ("training", "Supernet", drawn & {"supernet_curves", "pool_scores"}),
        ("retraining", "Retraining", drawn & {"retrain_curves"}),
        ("cost", "What the run cost", content["budget"]["evaluations"] is not None),
        ("reproduce", "How to reproduce", True),
    )
    return [(name, title) for name, title, there in sections if there]


def _group(config: Row, name: str) -> Row:
    group = config.get(name)
    return group if isinstance(group, dict) else {}


def _verdict(run: Run, comparisons: Sequence[Comparison]) -> list[str]:
    result = run.result or {}
    ranking = run.ranking or {}
    worths = (result.get("worth"), result.get("worth_by_truth"), ranking.get("worth"))
    sentences = [worth["sentence"] for worth in worths if worth]
    tested = facts.num_tested(result)
    if accuracy_interval(result) and tested:
        sentences.append(verdict.accuracy_sentence(result["test_accuracy"], tested))
    sentences += loss_sentences(result)
    if facts.limits(run) and run.result:
        sentences.append(verdict.budget_sentence(facts.limits(run), result))
    sentences += [
        verdict.comparison_sentence(one, len(comparisons)) for one in comparisons
    ]
    if facts.ahead_on_validation(run):
        sentences.append(verdict.validation_sentence(facts.ahead_on_validation(run)))
    # Until an evaluation succeeds there is no best score.
    known = np.isfinite(column(run.search, "best"))
    search = [row for row, use in zip(run.search, known, strict=True) if use]
    if search:
        sentences.append(verdict.search_sentence(search, facts.scored_by(run)))
    return sentences


def _boxes(run: Run) -> list[Box]:
    """The winner's parts; without costs where it is no network of ours."""
    layers = (run.result or {}).get("layers") or []
    winner = facts.winner(run)
    if layers:
        return boxes_of_layers(layers)
    if winner is None:
        return []
    return boxes_of_arch(winner, op_names(run), layer_labels(run, len(winner)), None)


def _best_rows(run: Run, best: Sequence[BestArch]) -> list[Row]:
    """The best architectures of the search: scores with intervals, costs, boxes."""
    names, winner = op_names(run), facts.winner(run)
    count = (run.result or {}).get("validation_examples")
    by_accuracy = facts.scored_by(run) == "accuracy"
    rows = []
    for each in best:
        arch, score = each.row["arch"], each.row["score"]
        share = by_accuracy and count and 0 <= score <= 1
        boxes = boxes_of_arch(arch, names, layer_labels(run, len(arch)), winner)
        rows.append(
            {
                "name": each.name,
                "is_winner": each.is_winner,
                "score": score,
                "interval": wilson_interval(score, count) if share and count else None,
                "costs": each.row.get("costs") or {},
                "evaluation": each.row["evaluation"],
                "boxes": boxes,
                "differing": sum("differs" in box.marks for box in boxes),
            }
        )
    return rows


def _points_note(run: Run) -> str:
    """Of how many evaluations not all are points; "" where all are."""
    count = len(scored(run.history))
    if count <= MOST_SHOWN:
        return ""
    return f" {formats.count(MOST_SHOWN)} of {formats.count(count)} are points here."


def _budget(run: Run) -> Row:
    """Evaluations and what they were spent on."""
    result = run.result or {}
    evaluations = result.get("evaluations")
    if evaluations is None and run.search:
        evaluations = run.search[-1]["evaluations"]
    spent = stage_costs(run)
    return {
        "evaluations": evaluations,
        "reference": result.get("reference_evaluations"),
        "distinct": len({tuple(row["arch"]) for row in run.history}),
        "failed": sum(row["status"] != "ok" for row in run.history),
        "generations": len(run.search),
        "strategy": result.get("strategy"),
        "acts_by": result.get("acts_by"),
        "total": spent[-1].seconds if spent else 0,
    }


def _pool_members(run: Run) -> list[tuple[float, str]]:
    """Scores and architectures of the last pool, best first; ops by name."""
    if not run.pool:
        return []
    names, last = op_names(run), run.pool[-1]
    members = sorted(
        zip(last["scores"], last["archs"], strict=True), key=lambda each: -each[0]
    )
    return [
        (score, " | ".join(box.op for box in _plain_boxes(arch, names)))
        for score, arch in members
    ]


def _plain_boxes(arch: Sequence[int], names: Any) -> list[Box]:
    return boxes_of_arch(arch, names, [""] * len(arch), None)


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
