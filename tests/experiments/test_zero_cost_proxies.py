"""The experiment of the zero-cost proxies, tiny."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.comparisons import zero_cost_proxies as experiment


@pytest.fixture(scope="module")
def sample(data_dir):
    return experiment.read_sample(data_dir)


def test_rows_of_what_needs_no_pass(sample):
    """Sizes and norms of the weights; images of 8 x 8, five architectures a call."""
    few = sample.first(12)
    images, labels = jnp.zeros((2, 8, 8, 3)), jnp.zeros(2, jnp.int32)
    names = ["l2_norm", "params", "macs"]
    scores, seconds = experiment.measure(few.archs, names, images, labels, at_once=5)
    assert seconds > 0 and all(scores[name].shape == (12,) for name in names)
    rows = {row["proxy"]: row for row in experiment.run(few, scores, resamples=50)}
    assert list(rows) == names
    for row in rows.values():
        assert row["95% low"] <= row["spearman test"] <= row["95% high"]
    assert rows["params"]["with stored scores"] == pytest.approx(1)
    # Another library's networks, drawn anew: the norms themselves agree.
    stored = few.stored["l2_norm"]
    np.testing.assert_allclose(scores["l2_norm"], stored, rtol=0.015)


def test_the_stored_scores_are_those_of_the_sample(sample):
    assert sample.archs.shape == (725, 6)
    stored = sample.stored["params"]
    scores = {"params": stored, "synflow": sample.stored["synflow"]}
    rows = list(experiment.run(sample, scores, resamples=20))
    assert [row["proxy"] for row in rows] == ["params", "synflow"]
    # NAS-Bench-201 without isomorphic copies: what is large is good.
    assert rows[0]["spearman test"] == rows[0]["stored scores, test"] > 0.7


def test_the_interval_holds_what_it_should():
    """Pairs with correlation 0.6: the interval is some 0.13 to both sides."""
    rng = np.random.default_rng(0)
    left = rng.standard_normal(300)
    right = 0.6 * left + 0.8 * rng.standard_normal(300)
    low, high = experiment.bootstrap_interval(left, right, 200)
    assert low < experiment.spearman(left, right) < high
    assert 0.05 < high - low < 0.3
