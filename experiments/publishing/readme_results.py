"""What the README says of each experiment, from its rows alone.

Each function takes the rows of one script and returns lines of the table: what was
asked, and what came out.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.comparisons import trained_candidates, whole_jobs
from experiments.comparisons.published_protocol import PUBLISHED
from experiments.comparisons.series import results as studied
from experiments.measuring.rows import table
from qnas_jax.reporting import formats
from qnas_jax.reporting.comparison.records import curves_by_task, transfers
from qnas_jax.reporting.verdict import network_name
from qnas_jax.searching.registers.qbit import QbitOptions

Rows = Sequence[Mapping[str, Any]]
Lines = list[tuple[str, str]]

SHOWN = (
    "memory registers",
    "hamiltonian",
    "predictor",
    "local search (first)",
    "regularised evolution",
    "random",
)
"""Strategies that the README names; the page has them all."""

_OURS = {"ours", "qnas_jax"}


def digits(rows: Rows) -> Lines:
    """Of `whole_jobs --config=digits`."""
    return [("digits, whole job: test accuracy after retraining", _networks(rows))]


def cifar10(rows: Rows) -> Lines:
    """Of `whole_jobs --config=cifar10_small`."""
    what = "CIFAR-10, a small space and budget, whole job: test accuracy"
    return [(what, _networks(rows))]


def sentences(rows: Rows) -> Lines:
    """Of `whole_jobs --config=sst2`."""
    what = "SST-2, sentences of film reviews, whole job: test accuracy (80 % aimed at)"
    return [(what, _networks(rows))]


def language(rows: Rows) -> Lines:
    """Of `whole_jobs --config=language`: losses in nats, shown in bits."""
    parts = [
        f"{_called(line['network'])} {line['test loss'] / math.log(2):.3f}"
        + (f" ± {line['sd'] / math.log(2):.3f}" if line["sd"] is not None else "")
        + _size(line)
        for line in whole_jobs.summarise(rows)
    ]
    seeds = len({row["seed"] for row in rows})
    what = "a play letter by letter, whole job: bits a character of the test text"
    return [(what, f"{', '.join(parts)}; {_count(seeds, 'seed')}")]


def series(rows: Rows) -> Lines:
    """Of `comparisons.series.study`: means over the sets, and what is published."""
    lines = studied.summarise(rows)
    parts = []
    for line in lines:
        name, published = line["method"], line["published %"]
        called = _studied(name)
        told = [f"rank {line['mean rank']:.2f}"]
        told += [f"published {published:.2f}"] if published is not None else []
        if line["parameters"]:
            told.append(f"{line['parameters'] / 1000:.3g} k parameters")
        parts.append(f"{called} {line['mean accuracy %']:.2f} % ({', '.join(told)})")
    seeds = len({row["seed"] for row in rows})
    what = (
        f"{_count(lines[0]['sets'], 'set')} of the UCR archive, "
        f"{_count(seeds, 'seed')}: mean test accuracy (mean rank; published "
        "accuracy, of networks after 1,500 and more epochs; networks have 240 steps "
        "here)"
    )
    said = studied.sentence(rows)
    return [(what, f"{', '.join(parts)}. {said[said.index('Found minus') :]}")]


def _studied(method: str) -> str:
    """What a method of the study is called."""
    ours = {studied.FOUND: "found networks", studied.RANDOM: "random of their cost"}
    return ours.get(method) or network_name(method)


def _called(network: str) -> str:
    """A short name of a network, or of what else was fitted."""
    return network if network in ("random", "largest") else network_name(network)


def _size(line: Mapping[str, Any]) -> str:
    size = line["parameters"]
    return "" if size is None else f" ({size / 1000:.0f} k parameters)"


def _networks(rows: Rows) -> str:
    parts = [
        f"{_called(line['network'])} {line['test accuracy %']:.2f} %"
        + (f" ± {line['sd']:.2f}" if line["sd"] is not None else "")
        + _size(line)
        for line in whole_jobs.summarise(rows)
    ]
    seeds = len({row["seed"] for row in rows})
    found = f"{', '.join(parts)}; {_count(seeds, 'seed')}"
    worth = whole_jobs.worth_of(rows)
    if worth is None or seeds == 1:
        return found
    return (
        f"{found}; winner against random ones of its cost: {worth.verdict} "
        f"({formats.points(worth.difference)} points, 95 % interval "
        f"{formats.points(worth.low)} to {formats.points(worth.high)}, "
        f"{formats.p_value(worth.p_value)})"
    )


def equal_time(rows: Rows) -> Lines:
    """Of `comparisons.trained_candidates`."""
    lines = trained_candidates.summarise(rows)
    budget = sum(row["budget"] for row in rows) / len(rows)
    seeds = len({row["seed"] for row in rows})
    what = (
        "digits, a supernet against candidates trained from scratch in its processor "
        f"time ({budget:.0f} s): test accuracy of the retrained winner"
    )
    parts = [
        f"{line['way']} {line['test accuracy %']:.2f} %"
        + (f" ± {line['sd']:.2f}" if line["sd"] is not None else "")
        + (f" ({line['networks']:.0f} networks)" if line["networks"] else "")
        for line in lines
    ]
    told = [
        f"{line['way']} minus supernet: {formats.points(line['difference'] / 100)} "
        f"points (95 % interval {formats.points(line['low'] / 100)} to "
        f"{formats.points(line['high'] / 100)})"
        for line in lines
        if line["way"] == "trained" and line["low"] is not None
    ]
    return [(what, "; ".join([", ".join(parts), _count(seeds, "seed"), *told]))]


def comparison(rows: Rows) -> Lines:
    """Of `comparisons.strategies`: 100 evaluations, and the published protocol."""
    tasks = curves_by_task([dict(row) for row in rows])
    names = next(iter(tasks.values()))
    optima = " / ".join(
        f"{100 * task[SHOWN[-1]].optimum:.2f}" for task in tasks.values()
    )
    cells = []
    for name in SHOWN:
        if name not in names:
            continue
        found = [task[name].at(100) for task in tasks.values()]
        means = [f"{100 * values.mean():.2f}" for values in found if values is not None]
        cells.append(f"{name} {' / '.join(means)} ({len(names[name].test)})")
    strategies = {name.partition(" (")[0] for name in names}
    what = (
        f"{len(strategies)} strategies in {len(names)} settings on tables "
        f"({', '.join(tasks)}): test accuracy after 100 evaluations (searches); "
        f"optimum {optima}"
    )
    return [(what, ", ".join(cells)), _protocol(rows)]


def _protocol(rows: Rows) -> tuple[str, str]:
    cells = []
    for name, tasks in transfers([dict(row) for row in rows]).items():
        ours = " / ".join(
            f"{100 * v.mean():.2f} ± {100 * v.std(ddof=1):.2f}" for v in tasks.values()
        )
        if name not in PUBLISHED:
            cells.append(f"{name} {ours}")
            continue
        theirs = " / ".join(f"{m:.2f} ± {d:.2f}" for m, d in PUBLISHED[name].values())
        cells.append(f"{name} {ours} (published {theirs})")
    what = "the published protocol: 12,000 s of training, 12 epochs, chosen on CIFAR-10"
    return what, ", ".join(cells)


def searches(rows: Rows) -> Lines:
    """Of `benches.search`."""
    largest = [row for row in rows if "one program" in row.get("form", "")][-1]
    peers = [
        f"{_factor(row['largest program is faster by'])} x {row['form']}"
        for row in rows
        if row.get("form", "").startswith("NumPy")
    ]
    what = "Q-bit searches of 100 generations x 20 on NAS-Bench-201"
    result = (
        f"{largest['form']}: {largest['seconds']:.2f} s; {'; '.join(peers)} "
        f"(medians of {largest['passes']} passes)"
    )
    many = [row for row in rows if "searches" in row]
    if many:
        (last,) = many
        grown = last["peak MiB after"] - last["peak MiB before"]
        result += (
            f"; {last['searches']:,} searches in chunks: {last['seconds']:.1f} s, "
            f"{grown:.0f} MiB more"
        )
    return [(what, result)]


def _factor(value: float) -> str:
    """One digit behind the point, unless it does not matter."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def proxies(rows: Rows) -> Lines:
    """Of `zero_cost_proxies`."""
    ordered = sorted(rows, key=lambda row: -row["spearman test"])
    cells = [
        f"{row['proxy']} {row['spearman test']:.2f}"
        + (f" (published {row['published']:.2f})" if row["published"] else "")
        for row in ordered
    ]
    what = (
        f"zero-cost proxies on {rows[0]['archs']} networks of NAS-Bench-201 that we "
        "build: Spearman with test accuracy"
    )
    return [(what, ", ".join(cells))]


def hamiltonian(rows: Rows) -> Lines:
    """Of `hamiltonian_search`."""
    budget = max(row["evaluations"] for row in rows if row["evaluations"] <= 100)
    shown = ("Hamiltonian (exhaustive)", "Hamiltonian (Grover)", "Hamiltonian (QAOA)")
    cells = [
        f"{row['strategy']} {row['mean']:.2f} ± {row['std']:.2f}"
        for row in rows
        if row["evaluations"] == budget and row["strategy"] in (*shown, *SHOWN)
    ]
    what = (
        "the hybrid loop by optimiser, NAS-Bench-201, CIFAR-10: test accuracy after "
        f"{budget} evaluations ({_count(rows[0]['seeds'], 'search', 'searches')})"
    )
    return [(what, ", ".join(cells))]


def statevector(rows: Rows) -> Lines:
    """Of `benches.statevector`: each case beside the fastest other simulator."""
    cells = []
    for case in dict.fromkeys(row["case"] for row in rows):
        own, others = _beside([row for row in rows if row["case"] == case])
        cells.append(f"{case} {own['ms']:.3g} ms{_fastest(own, others)}")
    return [
        (f"QAOA, a dense Ising cost, case-qubits{_fastest_of(rows)}", ", ".join(cells))
    ]


def circuits(rows: Rows) -> Lines:
    """Of `benches.circuits`: each value beside the fastest other simulator."""
    cells = []
    for circuit, qubits in dict.fromkeys((r["circuit"], r["qubits"]) for r in rows):
        case = [
            row
            for row in rows
            if (row["circuit"], row["qubits"]) == (circuit, qubits)
            and row["task"] == "value"
        ]
        own, others = _beside(case)
        cells.append(f"{circuit}-{qubits} {own['ms']:.3g} ms{_fastest(own, others)}")
    return [
        (f"circuits of any gates, kind-qubits{_fastest_of(rows)}", ", ".join(cells))
    ]


def _beside(rows: Rows) -> tuple[Mapping[str, Any], Rows]:
    """The row of this package, and the others."""
    own = [row for row in rows if row["simulator"] in _OURS]
    return own[0], [row for row in rows if row["simulator"] not in _OURS]


def _fastest_of(rows: Rows) -> str:
    """Who else was run."""
    others = sorted({row["simulator"] for row in rows} - _OURS)
    return f", beside the fastest of {', '.join(others)}" if others else ""


def _fastest(own: Mapping[str, Any], others: Rows) -> str:
    if not others:
        return ""
    best = min(others, key=lambda row: row["ms"])
    return f" ({best['ms'] / own['ms']:.2g} x as fast as {best['simulator']})"


def scoring(rows: Rows) -> Lines:
    """Of `benches.scoring`."""
    own = rows[0]
    cells = [
        f"{own['subnet-images/s']:.0f} subnet-images/s, "
        f"{own['share of the matrix rate']:.2f} of the matrix rate"
    ]
    for row in rows[1:]:
        if row["form"].startswith("generation"):
            cells.append(f"{row['form']}: {row['ratio to ours']:.1f} x")
        elif row["form"].startswith("PyTorch"):
            cells.append(f"{1 / row['ratio to ours']:.2f} x {row['form']}")
    return [(f"scoring 20 random subnets of `{own['space']}`", ", ".join(cells))]


def training(rows: Rows) -> Lines:
    """Of `benches.training`."""
    own = rows[0]
    result = (
        f"{own['images/s']:.0f} images/s, {own['share of the matrix rate']:.2f} of the "
        "matrix rate"
    )
    for row in rows[1:]:
        if row["form"].startswith("PyTorch"):
            result += f", {1 / row['ratio to ours']:.2f} x {row['form']}"
    what = f"single-path training step of `{own['space']}`, batch 64"
    return [(what, result)]


def population(rows: Rows) -> Lines:
    """Of `benches.population`."""
    together = rows[1]
    what = (
        f"{together['networks']} `{together['space']}` networks trained from scratch "
        f"for {together['epochs']} epochs, side by side against one after the other, "
        "compilation counted"
    )
    result = (
        f"{together['ratio']:.1f} x in time, {together['processor ratio']:.1f} x in "
        f"processor time; {together['seconds']:.0f} s"
    )
    return [(what, result)]


def search_rules(rows: Rows) -> str:
    """Of `search_rules`, as a table of its own: strategies by landscape.

    Args:
      rows: of both of its parts, or of OneMax alone.

    Returns:
      Markdown; the setting of each strategy is its default.
    """
    rules = (QbitOptions().rule, "-")
    landscapes = {"OneMax-84, 2,000 evaluations": None, "knapsack-250": 250}
    landscapes["knapsack-500"] = 500
    lines = []
    for strategy in ("qbit", "qiga2", "qiga1", "bqnas_released", "random"):
        line: dict[str, Any] = {"strategy": f"`{strategy}`"}
        published = []
        for landscape, items in landscapes.items():
            found = [
                row
                for row in rows
                if row["strategy"] == strategy
                and row.get("items") == items
                and row.get("rule", "-") in rules
                and row.get("migration", "-") in ("default", "-")
                and row.get("angle / pi", "-") in (0.05, "-")
            ]
            digits = 1 if items else 3
            cells = [f"{r['mean']:.{digits}f} ± {r['std']:.{digits}f}" for r in found]
            line[landscape] = "".join(cells)
            published += [str(r["published"]) for r in found if "published" in r]
        line["published (250 / 500)"] = " / ".join(published)
        lines.append(line)
    return table(lines, list(lines[0]))


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
