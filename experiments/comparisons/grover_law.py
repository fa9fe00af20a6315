"""Oracle calls of amplitude amplification against sqrt(N / M).

For N items of which M are marked: calls when M is known, when it is not (Boyer et al.
1998), and of looking at items one after another, (N + 1) / (M + 1) on average; then
the calls until Grover adaptive search (Durr & Hoyer 1996) first holds the lowest of N
random costs. Slopes are least squares on logarithms; 0.5 is the law.

python -m experiments.comparisons.grover_law [--seeds=400] [--out=rows.jsonl]
    [--figure=law.png]
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from qnas_jax.optimise.grover import minimise_table, search_known, search_unknown
from qnas_jax.reporting.style import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    new_figure,
    plot_line,
    png,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CASES = tuple(
    (items, marked)
    for items in (256, 2_048, 15_625, 131_072)
    for marked in (1, 4, 16, 64, 256)
    if 16 * marked <= items
)
TABLES = (64, 256, 1_024, 4_096, 15_625, 65_536)


def run_search(
    cases: Sequence[tuple[int, int]], num_seeds: int
) -> list[dict[str, Any]]:
    """Mean oracle calls of searches for a marked item.

    Args:
      cases: pairs N, M.
      num_seeds: searches of each.

    Returns:
      A row a case.
    """
    rows = []
    for items, marked in cases:
        places = np.random.default_rng(0).permutation(items)[:marked]
        marks = jnp.zeros(items, bool).at[places].set(True)
        keys = jax.random.split(jax.random.key(items + marked), num_seeds)
        known, unknown = _search(marks, marked, keys)
        rows.append(
            {
                "N": items,
                "M": marked,
                "sqrt(N/M)": (items / marked) ** 0.5,
                "known": float(known.oracle_calls.mean()),
                "unknown": float(unknown.oracle_calls.mean()),
                "std": float(np.std(unknown.oracle_calls, ddof=1)),
                "one by one": (items + 1) / (marked + 1),
                "found": float((known.is_marked & unknown.is_marked).mean()),
                "seeds": num_seeds,
            }
        )
    return rows


def run_minimum(tables: Sequence[int], num_seeds: int) -> list[dict[str, Any]]:
    """Mean oracle calls until the lowest of N random costs is held.

    Args:
      tables: the numbers N.
      num_seeds: searches of each; each has its own costs.

    Returns:
      A row a number.
    """
    rows = []
    for items in tables:
        keys = jax.random.split(jax.random.key(items), num_seeds)
        calls, reached = (np.asarray(x) for x in _minimum(keys, items))
        rows.append(
            {
                "N": items,
                "sqrt(N)": items**0.5,
                "calls": float(calls[reached].mean()),
                "std": float(calls[reached].std(ddof=1)),
                "found": float(reached.mean()),
                "seeds": num_seeds,
            }
        )
    return rows


def slope(rows: Sequence[dict[str, Any]], x: str, y: str) -> float:
    """Slope of log y against log x."""
    log_x, log_y = (np.log([row[name] for row in rows]) for name in (x, y))
    return float(np.polyfit(log_x, log_y, 1)[0])


@jax.jit
def _search(marks: jax.Array, num_marked: jax.Array, keys: jax.Array) -> Any:
    known = jax.vmap(lambda key: search_known(marks, key, num_marked=num_marked))
    unknown = jax.vmap(lambda key: search_unknown(marks, key))
    pairs = jax.vmap(jax.random.split)(keys)
    return known(pairs[:, 0]), unknown(pairs[:, 1])


def _minimum(keys: jax.Array, items: int) -> tuple[jax.Array, jax.Array]:
    @jax.jit
    def search(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.lax.map(one, keys)

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        costs_key, search_key = jax.random.split(key)
        costs = jax.random.normal(costs_key, (items,))
        found = minimise_table(costs, search_key)
        reached = found.trace == costs.min()
        return found.calls[jnp.argmax(reached)], reached.any()

    return search(keys)


@png
def draw(searches: list[dict[str, Any]], minima: list[dict[str, Any]]) -> "Figure":
    """Calls against sqrt(N / M), both axes logarithmic.

    Args:
      searches: rows of `run_search`.
      minima: rows of `run_minimum`.

    Returns:
      PNG bytes.
    """
    figure = new_figure(7.2, 3.6)
    left, right = figure.subplots(1, 2)
    searches = sorted(searches, key=lambda row: row["sqrt(N/M)"])
    x = np.array([row["sqrt(N/M)"] for row in searches])
    for name, color, label in (
        ("one by one", GREY, "one by one, (N / M)^{:.2f}"),
        ("unknown", ORANGE, "M unknown, (N / M)^{:.2f}"),
        ("known", BLUE, "M known, (N / M)^{:.2f}"),
    ):
        y = np.array([row[name] for row in searches])
        halved = slope(
            [{"x": a**2, "y": b} for a, b in zip(x, y, strict=True)], "x", "y"
        )
        left.plot(x, y, ".", color=color, label=label.format(halved))
    left.plot(x, np.pi / 4 * x, "--", color=BLUE, linewidth=1, label="pi/4 sqrt(N/M)")
    left.set(xlabel="sqrt(N / M)", ylabel="oracle calls", title="A marked item")
    x = np.array([row["N"] for row in minima], float)
    y = np.array([row["calls"] for row in minima])
    label = f"adaptive search, N^{slope(minima, 'N', 'calls'):.2f}"
    plot_line(right, x, y, VERMILLION, label)
    plot_line(right, x, x / 2, GREY, "one by one, N / 2", "--")
    right.set(xlabel="N", title="The lowest of N costs")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
        axes.legend(loc="upper left")
    return figure


def main(argv: Sequence[str]) -> None:
    """Prints the tables and the slopes; draws the figure if a file is named."""
    del argv
    searches = run_search(CASES, _SEEDS.value)
    minima = run_minimum(TABLES, _SEEDS.value)
    for rows in (searches, minima):
        print(table(rows, list(rows[0])) + "\n")
    for name in ("known", "unknown"):
        print(f"{name}: calls ~ (N / M)^{slope(searches, 'sqrt(N/M)', name) / 2:.3f}")
    print(f"lowest cost: calls ~ N^{slope(minima, 'N', 'calls'):.3f}")
    write_rows(_OUT.value, [*searches, *minima])
    if _FIGURE.value:
        pathlib.Path(_FIGURE.value).write_bytes(draw(searches, minima))


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 400, "searches of each case")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file")
    app.run(main)
