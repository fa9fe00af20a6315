"""The Hamiltonian strategy on NAS-Bench-201, and on a space without a state vector.

First part: test accuracy (CIFAR-10, 200 epochs) of the arch with the best validation
accuracy so far, against the number of evaluations, one arch evaluated at a time, for
the Hamiltonian strategy with three optimisers, without its Thompson sample, and for its
classical and quantum-inspired peers. Seeds 0, 1, ... are reported, and none of them was
used to choose anything: prior and noise were chosen on keys of their own, the angles of
QAOA on samples of the prior, the settings of evolution on seeds from 10,000 on.

Second part: 21 layers of 16 ops (84 bits, as `proxylessnas`) on a landscape of random
unary and pairwise terms, by annealing; scores in standard deviations of random archs.

python -m experiments.comparisons.hamiltonian_search [--seeds=100] [--evaluations=200] \
    [--out=rows.jsonl] [--figure=hamiltonian_search.png]
"""

import functools
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.comparisons.search_setting import SearchSetting, search_setting
from experiments.measuring.rows import table, write_rows
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import (
    SealedTest,
    Table,
    TableOptions,
    load_table,
    load_test,
)
from qnas_jax.optimise import Levels
from qnas_jax.reporting import style
from qnas_jax.searching import EvaluateFn
from qnas_jax.searching.loop import incumbent
from qnas_jax.searching.many import search_seeds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: dict[str, Mapping[str, Any]] = {
    "random": {"strategy": "random"},
    "regularised evolution": {
        "strategy": "regularized_evolution",
        "parents": 10,
        "tournament": 5,
    },
    "local search (best)": {"strategy": "local_search", "improvement": "best"},
    "local search (first)": {"strategy": "local_search", "improvement": "first"},
    "qudit registers": {"strategy": "qudit", "population": 5},
    "Hamiltonian (exhaustive)": {"strategy": "hamiltonian"},
    "Hamiltonian (Grover)": {"strategy": "hamiltonian", "optimiser": "grover"},
    "Hamiltonian (QAOA)": {"strategy": "hamiltonian", "optimiser": "qaoa"},
    "Hamiltonian (batches of 10)": {"strategy": "hamiltonian", "population": 10},
    "Hamiltonian (mean)": {"strategy": "hamiltonian", "draw": "mean"},
    "Hamiltonian (mean of raw scores)": {
        "strategy": "hamiltonian",
        "draw": "mean",
        "targets": "standard",
    },
}
"""What is compared; a population of 1 unless another is named."""

LARGE_SETTINGS: dict[str, Mapping[str, Any]] = {
    "random": SETTINGS["random"],
    "regularised evolution": SETTINGS["regularised evolution"],
    "local search (first)": SETTINGS["local search (first)"],
    "Hamiltonian (annealing)": {
        "strategy": "hamiltonian",
        "optimiser": "simulated_annealing",
        "population": 10,
    },
    "Hamiltonian (tabu)": {
        "strategy": "hamiltonian",
        "optimiser": "tabu",
        "population": 10,
    },
}
"""The same where no table and no state vector can be written out."""

MILESTONES = (50, 100, 200)
_SEEDS_AT_ONCE = 20
_COLORS = (
    (style.GREY, "-"),
    (style.ORANGE, "-"),
    (style.GREEN, ":"),
    (style.GREEN, "-"),
    (style.PURPLE, "-"),
    (style.BLUE, "-"),
    (style.SKY, "--"),
    (style.VERMILLION, "-."),
    (style.INK, ":"),
    (style.BLUE, ":"),
    (style.SKY, ":"),
)


def incumbents(
    setting: SearchSetting,
    num_ops: tuple[int, ...],
    evaluate: EvaluateFn,
    seeds: Iterable[int],
    evaluations: int,
) -> np.ndarray:
    """The best arch so far after each generation, int32 [seeds, G, L]."""
    generations = evaluations // setting.population
    archs, _ = search_seeds(
        setting.make(num_ops, generations),
        evaluate,
        jnp.stack([jax.random.key(seed) for seed in seeds]),
        generations,
        record=incumbent,
        seeds_at_once=_SEEDS_AT_ONCE,
    )
    return archs


def run(
    bench: Table,
    read_test: Callable[[], SealedTest],
    names: Sequence[str],
    seeds: Sequence[int],
    evaluations: int,
) -> Iterator[dict[str, Any]]:
    """Test accuracy of the incumbent, over the seeds.

    Args:
      bench: the table.
      read_test: reads its test values, which are opened once for each setting, when
        all of its searches are done.
      names: keys of `SETTINGS`.
      seeds: one search each.
      evaluations: of each search.

    Yields:
      A row a setting and number of evaluations, a multiple of 10: mean, standard
      deviation and standard error in percent, and seconds for all searches.
    """
    for name in names:
        setting = search_setting(**SETTINGS[name])
        before = time.perf_counter()
        evaluate = ScoredBy(bench.evaluator())
        archs = incumbents(setting, bench.num_ops, evaluate, seeds, evaluations)
        seconds = time.perf_counter() - before
        accuracy = 100 * read_test().open(archs)
        for count in range(10, evaluations + 1, 10):
            yield {
                "strategy": name,
                "evaluations": count,
                **_summary(accuracy[:, count // setting.population - 1]),
                "seconds with compilation": seconds,
            }


def run_large(
    num_ops: tuple[int, ...],
    names: Sequence[str],
    seeds: Sequence[int],
    evaluations: int,
) -> Iterator[dict[str, Any]]:
    """The same strategies where no table and no state vector can be written out.

    Args:
      num_ops: ops of each layer.
      names: keys of `LARGE_SETTINGS`.
      seeds: one search each.
      evaluations: of each search.

    Yields:
      A row a strategy: best score in standard deviations above a random arch.
    """
    if not seeds:
        return
    landscape = pairwise_landscape(num_ops)
    for name in names:
        setting = search_setting(**LARGE_SETTINGS[name])
        before = time.perf_counter()
        archs = incumbents(setting, num_ops, landscape, seeds, evaluations)
        seconds = time.perf_counter() - before
        _, scores = landscape(jax.random.key(0), jnp.asarray(archs[:, -1]))
        yield {
            "strategy": name,
            "evaluations": evaluations,
            **_summary(np.asarray(scores)),
            "seconds with compilation": seconds,
        }


def pairwise_landscape(num_ops: tuple[int, ...], seed: int = 0) -> EvaluateFn:
    """Random unary and pairwise terms of equal variance, 1 in all for each arch."""
    layers, most = len(num_ops), max(num_ops)
    unary_key, pair_key = jax.random.split(jax.random.key(seed))
    pairs = jax.random.normal(pair_key, (layers, layers, most, most))
    above = jnp.asarray(np.triu(np.ones((layers, layers)), k=1)[:, :, None, None])
    cost = Levels(
        unary=jax.random.normal(unary_key, (layers, most)) / np.sqrt(2 * layers),
        pairwise=pairs * above / np.sqrt(layers * (layers - 1)),
        num_levels=num_ops,
    )

    def evaluate(key: jax.Array, archs: jax.Array) -> tuple[jax.Array, jax.Array]:
        del key
        return archs, -cost.cost(archs)

    return evaluate


@style.png
def draw(rows: Sequence[Mapping[str, Any]], optimum: float) -> "Figure":
    """Mean test accuracy of the incumbent with 95 % bands of the mean.

    Args:
      rows: of `run`.
      optimum: test accuracy in percent of the arch with the best validation accuracy.
    """
    figure = style.new_figure(8.5, 4.6)
    axes = figure.add_subplot()
    axes.set_title("NAS-Bench-201, CIFAR-10: test accuracy of the incumbent")
    names = list(dict.fromkeys(row["strategy"] for row in rows))
    for name in names:
        own = [row for row in rows if row["strategy"] == name]
        count, mean, error = (
            np.asarray([row[column] for row in own])
            for column in ("evaluations", "mean", "standard error")
        )
        color, dash = _COLORS[list(SETTINGS).index(name)]
        axes.plot(count, mean, dash, color=color, label=name)
        axes.fill_between(
            count,
            mean - 1.96 * error,
            mean + 1.96 * error,
            color=color,
            alpha=0.15,
            lw=0,
        )
    axes.axhline(optimum, color=style.GREY, lw=0.8)
    axes.set_ylim(92.8, optimum + 0.06)
    axes.set_xlabel("evaluations")
    axes.set_ylabel("test accuracy (%), mean and its 95 % interval")
    figure.legend(loc="outside right upper")
    return figure


def _summary(values: np.ndarray) -> dict[str, Any]:
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {
        "mean": float(values.mean()),
        "std": spread,
        "standard error": spread / len(values) ** 0.5,
        "seeds": len(values),
    }


def main(argv: Sequence[str]) -> None:
    """Prints both tables; writes rows and figure where they are wanted."""
    del argv
    options = TableOptions(data_dir=_DATA_DIR.value or "")
    bench = load_table(options)
    read_test = functools.partial(load_test, options)
    names = list(SETTINGS) if not _ONLY.value else _ONLY.value
    seeds = range(_FIRST.value, _FIRST.value + _SEEDS.value)
    rows = []
    for row in run(bench, read_test, names, seeds, _EVALUATIONS.value):
        rows.append(row)
        if row["evaluations"] == _EVALUATIONS.value:
            write_rows(_OUT.value, rows)  # What is done is kept.
    shown = [row for row in rows if row["evaluations"] in MILESTONES]
    print(table(shown, list(rows[0])))
    large_seeds = seeds[: _LARGE_SEEDS.value]
    large = list(run_large((16,) * 21, list(LARGE_SETTINGS), large_seeds, 300))
    if large:
        print("\n" + table(large, list(large[0])))
    write_rows(_OUT.value, [*rows, *large])
    if _FIGURE.value:
        selected = bench.archs(bench.scores().argmax())
        best = 100 * float(read_test().open(selected))
        pathlib.Path(_FIGURE.value).write_bytes(draw(rows, best))


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 100, "searches of each setting")
    _FIRST = flags.DEFINE_integer(
        "first_seed",
        0,
        "number of the first seed",
        lower_bound=0,
        upper_bound=2**32 - 1,
    )
    _LARGE_SEEDS = flags.DEFINE_integer(
        "large_seeds", 10, "searches of the large space"
    )
    _EVALUATIONS = flags.DEFINE_integer("evaluations", 200, "of each search")
    _ONLY = flags.DEFINE_list("only", [], "settings to run; all by default")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the tables")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file for the figure")
    app.run(main)
