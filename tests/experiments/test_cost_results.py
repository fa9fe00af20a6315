"""Lines of the page of results about costs, from rows written by hand."""

from experiments.publishing import cost_results as results


def test_budgets():
    row = {"table": "a", "limit": "macs", "share": 0.1, "strategy": "random"}
    row |= {"searches": 100, "kept": 100, "best": 0.9, "optimum": 0.95}
    rows = [row, {**row, "strategy": "qudit", "best": 0.94}]
    rows.append({**row, "share": 0.5, "kept": 99, "best": 0.92})
    ((what, result),) = results.budgets(rows)
    assert what == "searches within a budget on tables (2 strategies, 2 limits)"
    assert result == (
        "299 of 300 kept it in every evaluation; the best is 3.00 points behind the "
        "optimum within it (median)"
    )


def test_fronts():
    rows = [
        {"task": task, "strategy": name, "budgets": [20, 100], "share": [0.5, share]}
        for task in ("phone", "board")
        for name, share in (
            ("nsga2", 0.90),
            ("nsga2", 0.92),
            ("random", 0.8),
            ("random", 0.7),
        )
    ]
    ((what, result),) = results.fronts(rows)
    assert "(phone; board)" in what and "after 100 evaluations" in what
    assert result == "nsga2 91.0 / 91.0 % (2), random 75.0 / 75.0 % (2)"


def test_exports():
    row = {"space": "a", "source": 1e-6, "largest logit": 1.0}
    row |= {f"onnx, batch {count}": 2e-5 for count in (1, 3, 100)}
    rounded = {"ours from float64": 1e-4, "exported from float64": 1e-4}
    rows = [row, {**row, "onnx, batch 3": 1.2e-4, **rounded}, {**row, "space": "b"}]
    ((_, result),) = results.exports(rows)
    assert result == (
        "1.2e-04 as ONNX, 1 of 3 subnets beyond 1e-04; 2 spaces, the fewest 1 (b)"
    )


def test_costs():
    row = {"space": "a", "FLOPs": 1.0, "weights": 1.0, "activations": 1.5}
    ((what, result),) = results.costs([row, {**row, "space": "b", "FLOPs": 1.25}])
    assert what == "XLA's figures over ours, 2 random subnets of 2 spaces"
    assert "FLOPs 1.00 to 1.25" in result and "activations 1.50 to 1.50" in result


def test_predictors():
    row = {"space": "fbnet", "method": "learnt", "samples": 900, "median error": 0.1}
    rows = [
        {**row, "target": target, "seed": 0, "spearman": value}
        for target, value in (("a", 0.99), ("b", 0.97), ("c", 0.7))
    ]
    rows += [{**each, "samples": 10, "spearman": 0.1} for each in rows]
    rows.append({**rows[0], "method": "ridge", "spearman": 0.0})
    ((_, result),) = results.predictors(rows)
    assert result == (
        "fbnet 0.9700 from 900, lowest 0.700 (c), 2 of 3 devices at 0.95 or above"
    )
