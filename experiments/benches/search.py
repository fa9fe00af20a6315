"""How many searches a second: seeds x generations as one program, against NumPy.

The Q-bit search with a population of 20 for 100 generations on NAS-Bench-201. Peers are
our own NumPy: in arrays over many searches as well as the population
(`numpy_searches.py`, which is what a program of many searches has to be compared with),
and plainly, one search at a time, in arrays over the population or one individual after
the other (`numpy_search.py`). All are given the random numbers of compiled searches
first and must find the same best scores.

python -m experiments.benches.search --data_dir=FOLDER [--many=100000]
    [--out=rows.jsonl]
"""

import functools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.machine import peak_memory_mib
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import compile_seconds, median_seconds
from experiments.peers.numpy_search import NumpySearch
from experiments.peers.numpy_searches import NumpySearches
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import Table, TableOptions, load_table
from qnas_jax.searching import (
    Generation,
    SearchState,
    Strategy,
    generation_keys,
    make_strategy,
)
from qnas_jax.searching.many import (
    as_argument,
    compiled_searches,
    search_seeds,
)
from qnas_jax.searching.registers.qbit import QbitOptions

GENERATIONS, POPULATION = 100, 20
SIZES = (1, 10, 100, 1000)
NUMPY_CHUNK = 100
"""Searches that NumPy does at once: its arrays then stay in the cache."""


def make_search(bench: Table) -> Strategy:
    """The search that is timed: `qbit` with default options."""
    return make_strategy(
        "qbit", bench.num_ops, population=POPULATION, generations=GENERATIONS
    )


def best_score(state: SearchState, generation: Generation) -> jax.Array:
    """Keeps the best score so far."""
    del generation
    return state.best_score


def numpy_search(bench: Table) -> NumpySearch:
    """The NumPy search with the same options."""
    options = QbitOptions()
    return NumpySearch(
        scores=np.nan_to_num(bench.scores(), nan=-np.inf),
        num_ops=max(bench.num_ops),
        num_layers=len(bench.num_ops),
        angle=options.angle,
        epsilon=options.epsilon,
        groups=options.groups,
        global_every=options.global_migration_every,
    )


def numpy_searches(bench: Table) -> NumpySearches:
    """Many NumPy searches with the same options."""
    return NumpySearches(numpy_search(bench), POPULATION)


def uniforms_of(key: jax.Array, layers: int, generations: int) -> np.ndarray:
    """The random numbers [G, P, L] of a compiled search."""

    def draw(generation: jax.Array) -> jax.Array:
        ask_key, _ = generation_keys(key, generation)
        return jax.random.uniform(ask_key, (POPULATION, layers))

    return np.asarray(jax.vmap(draw)(jnp.arange(generations)))


def agreement(bench: Table, seeds: int, generations: int = GENERATIONS) -> float:
    """Share of searches in which NumPy finds the compiled search's best scores.

    Rounding (float32 against float64) may flip a draw now and then.

    Args:
      bench: the table.
      seeds: searches compared.
      generations: of each.

    Returns:
      In [0, 1].
    """
    strategy = make_search(bench)
    keys = jax.vmap(jax.random.key)(np.arange(seeds))
    ours = search_seeds(
        strategy, ScoredBy(bench.evaluator()), keys, generations, record=best_score
    )
    peer, peers = numpy_search(bench), numpy_searches(bench)
    layers = len(bench.num_ops)
    uniforms = np.stack([uniforms_of(key, layers, generations) for key in keys])
    together = peers.best_scores(uniforms)
    equal = [
        np.allclose(found, own)
        for drawn, own, among_many in zip(uniforms, ours, together, strict=True)
        for found in (
            peer.best_scores(drawn, whole=True),
            peer.best_scores(drawn, whole=False),
            among_many,
        )
    ]
    return float(np.mean(equal))


def run(bench: Table, sizes: Sequence[int], passes: int) -> Iterator[dict[str, Any]]:
    """Times searches.

    Args:
      bench: the table.
      sizes: how many searches the program has, the largest last.
      passes: repetitions, interleaved with NumPy's; medians are reported.

    Yields:
      A row a form: seconds, searches a second, and the ratio to the largest program.
    """
    strategy = make_search(bench)
    program = compiled_searches(GENERATIONS, best_score)
    evaluate = as_argument(ScoredBy(bench.evaluator()))
    keys = {size: jax.vmap(jax.random.key)(np.arange(size)) for size in sizes}
    first = {
        size: compile_seconds(program, strategy, evaluate, keys[size]) for size in sizes
    }
    peers, chunk = numpy_searches(bench), min(NUMPY_CHUNK, sizes[-1])
    forms: dict[str, tuple[int, Callable[[], Any]]] = {
        f"NumPy, arrays over {chunk} searches and the population": (
            chunk,
            lambda: peers.run(chunk, GENERATIONS, seed=0),
        )
    }
    forms |= {
        f"one program, {size} searches": (
            size,
            functools.partial(program, strategy, evaluate, keys[size]),
        )
        for size in sizes
    }
    peer = numpy_search(bench)
    uniforms = np.random.default_rng(0).random(
        (GENERATIONS, POPULATION, len(bench.num_ops))
    )
    forms["NumPy, one search at a time, arrays over the population"] = (
        1,
        lambda: peer.best_scores(uniforms, whole=True),
    )
    forms["NumPy, one search and individual at a time"] = (
        1,
        lambda: peer.best_scores(uniforms, whole=False),
    )
    seconds = median_seconds({name: call for name, (_, call) in forms.items()}, passes)
    rate = {name: count / seconds[name] for name, (count, _) in forms.items()}
    fastest = rate[f"one program, {sizes[-1]} searches"]
    for name, (count, _) in forms.items():
        yield {
            "form": name,
            "seconds": seconds[name],
            "searches a second": rate[name],
            "evaluations a second": rate[name] * GENERATIONS * POPULATION,
            "ms a search": 1000 / rate[name],
            "largest program is faster by": fastest / rate[name],
            "first call s": first.get(count, 0.0) if "program" in name else 0.0,
            "passes": passes,
        }


def run_many(bench: Table, searches: int) -> dict[str, Any]:
    """Runs very many searches in chunks and reports the memory of the process."""
    strategy = make_search(bench)
    keys = jax.vmap(jax.random.key)(np.arange(searches))
    before_mib, before = peak_memory_mib(), time.perf_counter()
    best = search_seeds(
        strategy,
        ScoredBy(bench.evaluator()),
        keys,
        GENERATIONS,
        record=best_score,
        seeds_at_once=1000,
    )
    return {
        "searches": searches,
        "seconds": time.perf_counter() - before,
        "peak MiB before": before_mib,
        "peak MiB after": peak_memory_mib(),
        "mean best": float(best[:, -1].mean()),
    }


def main(_: Sequence[str]) -> None:
    """Prints the tables."""
    bench = load_table(TableOptions(data_dir=_DATA_DIR.value))
    print(f"searches in which NumPy agrees: {agreement(bench, 20):.3f}\n")
    rows = list(run(bench, SIZES, _PASSES.value))
    columns = [name for name in rows[0] if name != "passes"]
    print(table(rows, columns))
    if _MANY.value:
        row = run_many(bench, _MANY.value)
        print("\n" + table([row], list(row)))
        rows.append(row)
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmark"
    )
    _PASSES = flags.DEFINE_integer("passes", 5, "repetitions", lower_bound=1)
    _MANY = flags.DEFINE_integer("many", 0, "searches of the memory test; 0: none")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
