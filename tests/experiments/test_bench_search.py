"""The bench of searches: NumPy and the compiled program propose the same archs."""

import numpy as np
import pytest

from experiments.benches import search as bench_search
from experiments.peers.numpy_search import NumpySearch
from experiments.peers.numpy_searches import NumpySearches
from qnas_jax.evaluation.tables import TableOptions, load_table


@pytest.fixture
def bench(data_dir):
    return load_table(TableOptions(data_dir=str(data_dir)))


def test_numpy_is_an_oracle_of_the_compiled_search(bench):
    """All three ways of NumPy, five searches of 25 generations: migration included."""
    assert bench_search.agreement(bench, 5, 25) == 1.0


def test_rows(bench, monkeypatch):
    monkeypatch.setattr(bench_search, "GENERATIONS", 4)
    rows = list(bench_search.run(bench, (1, 3), passes=1))
    assert len(rows) == 5 and all(row["seconds"] > 0 for row in rows)
    # The fair comparison comes first: NumPy does many searches at once, too.
    assert rows[0]["form"] == "NumPy, arrays over 3 searches and the population"
    assert rows[2]["largest program is faster by"] == 1
    row = bench_search.run_many(bench, 5)
    assert row["searches"] == 5 and 0.5 < row["mean best"] < 0.95


@pytest.mark.parametrize("num_ops", [2, 4, 7])
def test_many_numpy_searches_are_the_single_ones(num_ops):
    """Other numbers of ops and layers, and groups; each search by itself."""
    rng = np.random.default_rng(num_ops)
    rule = NumpySearch(
        scores=rng.random(num_ops**3).astype(np.float32),
        num_ops=num_ops,
        num_layers=3,
        angle=0.1,
        epsilon=0.01,
        groups=2,
        global_every=5,
    )
    uniforms = rng.random((3, 12, 6, 3)).astype(np.float32)
    found = NumpySearches(rule, 6).best_scores(uniforms)
    alone = [rule.best_scores(one, whole=True) for one in uniforms]
    np.testing.assert_allclose(found, alone, rtol=1e-6)
    assert NumpySearches(rule, 6).run(4, 3, seed=1).shape == (4, 3)
    with pytest.raises(ValueError, match="groups of equal size"):
        NumpySearches(rule, 5)
