"""Work folders of finished runs as they stand side by side, with made numbers."""

import json
import pathlib

NETWORK = {
    "space": "digits",
    "data": "digits",
    "strategy": "qbit",
    "arch": [0, 1],
    "test_accuracy": 0.9,
    "test_examples": 100,
    "parameters": 12345,
    "macs": 67890,
    "evaluations": 40,
    "seconds": {"supernet": 60.0, "search": 65.0},
    "worth": {"verdict": "worth it", "difference": 0.02},
    "seed": 3,
}


def write_run(path, result=None, config=None, rows=(), name="result.json"):
    """A folder with a configuration, and what else is given."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config or {}))
    if result is not None:
        (path / name).write_text(json.dumps(result))
    if rows:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (path / "rows.jsonl").write_text(text)
    return path


def write_network(path, accuracy, seed, ahead=0.02):
    """A whole job of one seed."""
    worth = {"verdict": "worth it", "difference": ahead}
    result = {**NETWORK, "test_accuracy": accuracy, "seed": seed, "worth": worth}
    return write_run(path, result, {"data": {"name": "digits"}, "seed": seed})


def write_benchmark(path, strategy, tests, table="one", **changed):
    """Searches [S][B] of a strategy on a table whose best test value is 0.9."""
    budgets = [10.0, 20.0][: len(tests[0])]
    last = [row[-1] for row in tests]
    mean = sum(last) / len(last)
    sd = (sum((value - mean) ** 2 for value in last) / (len(last) - 1)) ** 0.5
    spread = {"mean": mean, "sd": sd, "searches": len(last)}
    result = {
        "table": table,
        "strategy": strategy,
        "searches": len(tests),
        "budget_in": "evaluations",
        "constraints": {},
        "optimum": 0.9,
        "budgets": [{"budget": budgets[-1], "validation": spread, "test": spread}],
    }
    rows = [
        {"budgets": budgets, "test": row, "evaluations": [int(b) for b in budgets]}
        for row in tests
    ]
    config = {"table": {"dataset": table, "maximise": True}}
    return write_run(path, {**result, **changed}, config, rows)


def write_all(folder: pathlib.Path) -> list[pathlib.Path]:
    """Runs of all kinds: three seeds, two strategies on two tables, a cost, a start."""
    low = [[0.70 + n / 1000, 0.80 + n / 1000] for n in range(8)]
    high = [[0.80 + n / 1000, 0.88 + n / 1000] for n in range(8)]
    solved = {"file": "a.json", "optimiser": "qaoa", "cost": -12, "evaluations": 9}
    return [
        *(write_network(folder / f"net{n}", 0.9 + n / 100, n) for n in range(3)),
        *(
            write_benchmark(folder / f"{name}_{table}", name, tests, table)
            for table in ("one", "two")
            for name, tests in (("random", low), ("fast", high))
        ),
        write_run(folder / "cost", solved, name="solution.json"),
        write_run(folder / "begun"),
    ]
