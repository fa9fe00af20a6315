"""The bench of searches: NumPy and the compiled program propose the same archs."""

import pytest

from experiments.benches import search as bench_search
from qnas_jax.evaluation.tables import TableOptions, load_table


@pytest.fixture
def bench(data_dir):
    return load_table(TableOptions(data_dir=str(data_dir)))


def test_numpy_is_an_oracle_of_the_compiled_search(bench):
    """Both ways of NumPy, five searches of 25 generations: migration included."""
    assert bench_search.agreement(bench, 5, 25) == 1.0


def test_rows(bench, monkeypatch):
    monkeypatch.setattr(bench_search, "GENERATIONS", 4)
    rows = list(bench_search.run(bench, (1, 3), passes=1))
    assert len(rows) == 4 and all(row["seconds"] > 0 for row in rows)
    assert rows[1]["largest program is faster by"] == 1
    row = bench_search.run_many(bench, 5)
    assert row["searches"] == 5 and 0.5 < row["mean best"] < 0.95
