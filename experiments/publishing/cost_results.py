"""What the page of results says of budgets, fronts, exports, costs and predictors.

Each function takes the rows of one script and returns lines of the table: what was
asked, and what came out.
"""

import numpy as np

from experiments.benches import costs as bench_costs
from experiments.benches import exports as bench_exports
from experiments.comparisons import front_results
from experiments.comparisons.latency_predictors import summary
from experiments.publishing.readme_results import Lines, Rows


def budgets(rows: Rows) -> Lines:
    """Of `comparisons.budgets`: searches all of whose evaluations kept their limit."""
    kept, searches = (sum(row[name] for row in rows) for name in ("kept", "searches"))
    limits = {(row["table"], row["limit"], row["share"]) for row in rows}
    strategies = {row["strategy"] for row in rows}
    behind = np.median([row["optimum"] - row["best"] for row in rows])
    what = (
        f"searches within a budget on tables ({len(strategies)} strategies, "
        f"{len(limits)} limits)"
    )
    result = (
        f"{kept:,} of {searches:,} kept it in every evaluation; the best is "
        f"{100 * behind:.2f} points behind the optimum within it (median)"
    )
    return [(what, result)]


def fronts(rows: Rows) -> Lines:
    """Of `comparisons.fronts`: hypervolume after the largest budget."""
    lines = front_results.result_rows(rows)
    last = max(line["evaluations"] for line in lines)
    ended = [line for line in lines if line["evaluations"] == last]
    tasks = list(dict.fromkeys(line["task"] for line in ended))
    cells = []
    for name in dict.fromkeys(line["strategy"] for line in ended):
        own = [line for line in ended if line["strategy"] == name]
        shares = " / ".join(f"{100 * line['mean']:.1f}" for line in own)
        cells.append(f"{name} {shares} % ({own[0]['searches']})")
    what = (
        f"fronts of accuracy and latency ({'; '.join(tasks)}): share of the exact "
        f"front's hypervolume after {last} evaluations (searches)"
    )
    return [(what, ", ".join(cells))]


def exports(rows: Rows) -> Lines:
    """Of `benches.exports`: the worst logit of all subnets."""
    spaces = bench_exports.result_rows(rows)
    worst = [row[form] for row in rows for form in bench_exports.ONNX if form in row]
    beyond = sum(bench_exports.OURS_ROUNDS in row for row in rows)
    fewest = min(spaces, key=lambda line: line["subnets"])
    what = "exported random subnets against ours: the largest difference of a logit"
    result = (
        f"{max(worst):.1e} as ONNX, {beyond} of {len(rows):,} subnets beyond "
        f"{bench_exports.TOLERANCE:.0e}; {len(spaces)} spaces, the fewest "
        f"{fewest['subnets']} ({fewest['space']})"
    )
    return [(what, result)]


def costs(rows: Rows) -> Lines:
    """Of `benches.costs`: XLA's figures as multiples of ours."""
    spans = ", ".join(
        f"{name} {min(found):.2f} to {max(found):.2f}"
        for name in bench_costs.RATIOS
        if (found := [row[name] for row in rows])
    )
    spaces = len({row["space"] for row in rows})
    what = f"XLA's figures over ours, {len(rows)} random subnets of {spaces} spaces"
    return [(what, spans)]


def predictors(rows: Rows) -> Lines:
    """Of `comparisons.latency_predictors`: learnt from the most samples."""
    learnt = [dict(row) for row in rows if row["method"] == "learnt"]
    cells = []
    for space in dict.fromkeys(row["space"] for row in learnt):
        own = [row for row in learnt if row["space"] == space]
        most = max(row["samples"] for row in own)
        (line,) = summary([row for row in own if row["samples"] == most])
        cells.append(
            f"{space} {line['Spearman, median']} from {most}, lowest "
            f"{line['lowest']}, {line['>= 0.95']} devices at 0.95 or above"
        )
    what = "latency learnt from samples: Spearman's rho, median over devices"
    return [(what, "; ".join(cells))]
