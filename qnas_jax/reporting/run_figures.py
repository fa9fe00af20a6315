"""Every figure that the rows of a work folder allow."""

from qnas_jax.reporting import facts
from qnas_jax.reporting.architecture_diagram import architecture_diagram
from qnas_jax.reporting.front_figure import front_figure
from qnas_jax.reporting.loss_rows import judged_by_loss
from qnas_jax.reporting.perplexities import perplexities
from qnas_jax.reporting.ranking_bars import ranking_bars
from qnas_jax.reporting.ranking_scatter import ranking_scatter
from qnas_jax.reporting.register_heatmap import register_entropy, register_heatmap
from qnas_jax.reporting.rows import Run, scored
from qnas_jax.reporting.run_front import costs_of_front, front_of_run
from qnas_jax.reporting.search_curves import (
    COSTS,
    known_costs,
    score_against_cost,
    search_progress,
)
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
    "perplexities",
    "architecture_diagram",
)


def draw_figures(run: Run) -> dict[str, bytes]:
    """Draws every figure whose rows are there.

    Args:
      run: the rows of a work folder.

    Returns:
      PNG files by the names of `FIGURES`.
    """
    winner = facts.winner(run)
    layers = (run.result or {}).get("layers") or []
    figures = {}
    if run.supernet:
        figures["supernet_curves"] = supernet_curves(run.supernet)
    if run.pool:
        figures["pool_scores"] = pool_scores(run.pool)
    if run.search:
        figures["search_progress"] = search_progress(
            run.search, run.history, facts.scored_by(run)
        )
    if known_costs(run.history):
        figures["score_against_cost"] = score_against_cost(
            run.history, winner, facts.limits(run), facts.scored_by(run)
        )
    front = front_of_run(run)
    if front:
        labels = {n: COSTS[n][1] if n in COSTS else n for n in costs_of_front(run)}
        figures["front"] = front_figure(
            front, scored(run.history), labels, limits=facts.limits(run)
        )
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
    models = judged_by_loss(run.result)
    if models:
        figures["perplexities"] = perplexities(models)
    if layers:
        figures["architecture_diagram"] = architecture_diagram(layers)
    return figures
