"""What a page draws of a run: pictures, the same as charts, and what is seen there."""

import json
from collections.abc import Sequence
from typing import Any

from qnas_jax.reporting import facts, register_map
from qnas_jax.reporting.archs import layer_labels, op_names
from qnas_jax.reporting.best_archs import BestArch, shown_evaluations
from qnas_jax.reporting.charts import Chart, alt_text
from qnas_jax.reporting.loss_rows import judged_by_loss
from qnas_jax.reporting.page import Shown
from qnas_jax.reporting.perplexities import said_of_perplexities
from qnas_jax.reporting.ranking_table import score_name
from qnas_jax.reporting.rows import Row, Run, column, scored
from qnas_jax.reporting.run_figures import draw_figures
from qnas_jax.reporting.run_front import FrontMember, costs_of_front, front_of_run
from qnas_jax.reporting.search_charts import (
    cost_charts,
    front_charts,
    progress_chart,
    ranking_chart,
)
from qnas_jax.reporting.search_curves import known_costs
from qnas_jax.reporting.training_charts import (
    entropy_chart,
    pool_chart,
    retrain_charts,
    supernet_charts,
)

_MOST_OPS = 200_000  # of all architectures that a page holds


def shown_of_run(
    run: Run, best: Sequence[BestArch], members: Sequence[FrontMember] = ()
) -> Shown:
    """Draws everything whose rows are there.

    Args:
      run: the rows of a work folder.
      best: the architectures that have a row of their own.
      members: those of the front that have one.

    Returns:
      Pictures, charts and words by the names of `run_figures.FIGURES`.
    """
    kept = {row["evaluation"] for row in front_of_run(run)}
    listed: list[BestArch | FrontMember] = [*best, *members]
    kept |= {each.row["evaluation"] for each in listed}
    evaluations = shown_evaluations(run.history, also=kept)
    charts: dict[str, Any] = charts_of(run, evaluations)
    alts = {name: alt_text(panels) for name, panels in charts.items()}
    if run.registers is not None:
        labels = layer_labels(run, len(run.registers.num_ops))
        maps = register_map.register_maps(run.registers, facts.winner(run), labels)
        charts["register_heatmap"] = maps
        alts["register_heatmap"] = register_map.alt_text(maps)
    if run.ranking and run.ranking.get("measures"):
        alts["ranking_bars"] = _said_of_scores(run.ranking["measures"])
    models = judged_by_loss(run.result)
    if models:
        alts["perplexities"] = said_of_perplexities(models)
    alts["architecture_diagram"] = "The network from stem to head"
    return Shown(draw_figures(run), alts, charts, _data(run, evaluations, listed))


def charts_of(run: Run, shown: Sequence[Row]) -> dict[str, list[Chart]]:
    """Panels by name, of those whose rows are there.

    Args:
      run: the rows of a work folder.
      shown: the evaluations that are points.
    """
    scored_by, limits = facts.scored_by(run), facts.limits(run)
    found: dict[str, list[Chart]] = {}
    if run.supernet:
        found["supernet_curves"] = supernet_charts(run.supernet)
    if run.pool:
        found["pool_scores"] = pool_chart(run.pool)
    if run.search:
        found["search_progress"] = progress_chart(run.search, shown, scored_by)
    if known_costs(run.history):
        costs, winner = known_costs(run.history), facts.winner(run)
        found["score_against_cost"] = cost_charts(
            shown, costs, winner, limits, scored_by
        )
    front = front_of_run(run)
    if front:
        costs = costs_of_front(run)
        found["front"] = front_charts(front, shown, costs, limits, scored_by)
    if run.registers is not None:
        found["register_entropy"] = entropy_chart(run.registers)
    if run.ranking:
        found["ranking_scatter"] = ranking_chart(run.ranking)
    if run.retrain:
        found["retrain_curves"] = retrain_charts(run.retrain)
    return found


def _data(
    run: Run, shown: Sequence[Row], listed: Sequence[BestArch | FrontMember]
) -> dict[str, Any]:
    """What charts refer to: columns of evaluations, names of layers and ops."""
    names, winner = op_names(run), facts.winner(run)
    costs = {cost for row in scored(run.history) for cost in (row.get("costs") or {})}
    wanted = [cost for cost in costs if cost in known_costs(run.history)]
    wanted += [cost for cost in costs_of_front(run) if cost in costs]
    columns: dict[str, Any] = {
        "evaluation": [row["evaluation"] for row in shown],
        "score": column(shown, "score"),
        **{
            f"costs.{cost}": [(row.get("costs") or {}).get(cost) for row in shown]
            for cost in sorted(set(wanted))
        },
    }
    length = len(shown[0]["arch"]) if shown else 0
    if names is not None and length == len(names) and length * len(shown) <= _MOST_OPS:
        columns["arch"] = [row["arch"] for row in shown]
    return {
        "evaluations": columns,
        "ops": names,
        "layers": layer_labels(run, length),
        "winner": winner,
        "known": {
            json.dumps(each.row["arch"], separators=(",", ":")): each.name
            for each in listed
        },
    }


def _said_of_scores(measures: dict[str, Row]) -> str:
    parts = (
        f"{score_name(name)} {row['kendall_tau']:.2f}"
        for name, row in measures.items()
        if row["kendall_tau"] is not None
    )
    return f"Kendall's tau with the true accuracy: {', '.join(parts)}."
