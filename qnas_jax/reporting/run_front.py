"""The front of a run that searched for several objectives, as its page shows it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from qnas_jax.reporting import facts, verdict
from qnas_jax.reporting.archs import Box, boxes_of_arch, layer_labels, op_names
from qnas_jax.reporting.best_archs import BestArch
from qnas_jax.reporting.front import budget_cells, round_budgets, sort_front
from qnas_jax.reporting.front_members import MEMBER, knees_of_all
from qnas_jax.reporting.rows import Row, Run, scored
from qnas_jax.reporting.search_curves import COSTS


@dataclasses.dataclass(frozen=True)
class FrontMember:
    """A member of the front that the page shows as a diagram.

    Attributes:
      name: of its place in the page; perhaps that of one of the best.
      row: its score and costs.
      words: why it is shown: a knee of which cost, which retrained network.
      test_accuracy: of the retrained network, in [0, 1]; None: not retrained, or its
        task has no accuracy.
      drawn: whether its diagram is still to be drawn.
    """

    name: str
    row: Row
    words: str
    test_accuracy: float | None
    drawn: bool


def costs_of_front(run: Run) -> list[str]:
    """The costs of a search for several objectives; none where there is no front."""
    objectives = (run.result or run.best or {}).get("objectives") or []
    return list(objectives[1:]) if scored(_of_search(run)) else []


def front_of_run(run: Run) -> list[Row]:
    """What no other evaluation of the search beats, as `sort_front`; or nothing."""
    costs = costs_of_front(run)
    return sort_front(scored(_of_search(run)), *costs) if costs else []


def _of_search(run: Run) -> list[Row]:
    """Its evaluations; networks for comparison come behind its last generation."""
    if not run.search:
        return run.history
    last = run.search[-1]["generation"]
    return [row for row in run.history if row["generation"] <= last]


def front_caption(costs: Sequence[str]) -> str:
    """What the figure of a front with these costs shows, in words."""
    seen = "Every evaluated architecture, and the front: what no other one beats in "
    bends = " Diamonds are knees: beyond them little is won for much."
    if len(costs) < 2:
        return f"{seen}both.{bends}"
    words = [_called(cost) for cost in costs]
    return (
        f"{seen}score, {', '.join(words[:-1])} and {words[-1]} together. The line "
        "joins those that none beats in score and the cost of the panel alone; other "
        f"dots are on the front by another cost.{bends}"
    )


def _called(cost: str) -> str:
    return COSTS[cost][0] if cost in COSTS else cost


def _heading(cost: str) -> str:
    words = _called(cost)
    return words[:1].upper() + words[1:]


def budget_tables(run: Run) -> list[Row]:
    """The best under each of some round budgets, a table for each cost.

    Returns:
      `title`, `headings` and `cells` of each, as text.
    """
    front, costs = front_of_run(run), costs_of_front(run)
    tables = []
    for cost in costs if front else ():
        part = sort_front(front, cost)
        others = [name for name in costs if name != cost]
        cells = budget_cells(
            part, cost, round_budgets(part, cost), op_names(run), others
        )
        heads = [_heading(name) for name in (cost, *others)]
        headings = [f"{heads[0]} at most", "Score", *heads, "Ops, layer by layer"]
        title = "Best under each budget"
        if len(costs) > 1:
            title += f" of {_called(cost)}"
        tables.append({"title": title, "headings": headings, "cells": cells})
    return tables


def front_members(run: Run, best: Sequence[BestArch]) -> list[FrontMember]:
    """Knees, and members that were retrained.

    Args:
      run: the rows of a work folder.
      best: the architectures that have a diagram anyway.

    Returns:
      Knees by cost, the most distinct first, then further networks that were retrained.
    """
    front, costs = front_of_run(run), costs_of_front(run)
    networks = _retrained(run)
    rows: dict[tuple[int, ...], Row] = {}
    words: dict[tuple[int, ...], list[str]] = {}
    for cost, bends in knees_of_all(front, costs).items():
        for row in bends:
            arch = tuple(row["arch"])
            rows[arch] = row
            words.setdefault(arch, []).append(f"knee by {_called(cost)}")
    known = {tuple(row["arch"]): row for row in (*scored(run.history), *front)}
    for arch, (name, _) in networks.items():
        if arch in known:
            rows.setdefault(arch, known[arch])
            words.setdefault(arch, []).append(
                f"{verdict.network_name(name)}, retrained"
            )
    places = {tuple(each.row["arch"]): each.name for each in best}
    return [
        FrontMember(
            name=places.get(arch, f"member-{number}"),
            row=row,
            words="; ".join(words[arch]),
            test_accuracy=networks.get(arch, ("", {}))[1].get("test_accuracy"),
            drawn=arch not in places,
        )
        for number, (arch, row) in enumerate(rows.items(), start=1)
    ]


def _retrained(run: Run) -> Mapping[tuple[int, ...], tuple[str, Row]]:
    """Names and rows of retrained members, by architecture."""
    found = (run.result or {}).get("baselines") or {}
    return {
        tuple(row["arch"]): (name, row)
        for name, row in found.items()
        if name.startswith(MEMBER)
    }


def front_content(run: Run, members: Sequence[FrontMember]) -> dict[str, Any]:
    """What the page says of the front, by the names of `report.html`."""
    names, winner = op_names(run), facts.winner(run)
    costs = costs_of_front(run)

    def boxes(arch: Sequence[int]) -> list[Box]:
        return boxes_of_arch(arch, names, layer_labels(run, len(arch)), winner)

    return {
        "front_caption": front_caption(costs),
        "front_tables": budget_tables(run),
        "front_costs": [(cost, _heading(cost)) for cost in costs],
        "front_members": [
            {**dataclasses.asdict(each), "boxes": boxes(each.row["arch"])}
            for each in members
        ],
    }
