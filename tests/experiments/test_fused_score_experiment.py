"""The experiment on rank sums, normal scores and learnt weights."""

import numpy as np
import pytest
from scipy import stats

from experiments.comparisons import fused_scores


def test_it_reads_what_is_published(data_dir):
    known = fused_scores.read_published(data_dir)
    assert len(known.truth) == 725 and 90 < known.truth.max() < 95
    expected = {"loss": 0.60, "synflow": 0.574, "nwot": 0.611, "params": 0.598}
    for name, tau in expected.items():
        values = known.features[name] * (-1 if name == "loss" else 1)
        values = np.where(np.isfinite(values), values, -1e9)
        found = stats.kendalltau(values, known.truth).statistic
        assert found == pytest.approx(tau, abs=0.002)


def test_rows_on_made_up_networks(monkeypatch):
    """One term is nearly the truth: learnt from the truth, it gets the weight."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=160)
    features = {
        "loss": -truth + 2 * rng.normal(size=160),
        "synflow": truth + 0.2 * rng.normal(size=160),
        "macs": rng.normal(size=160),
        "params": rng.normal(size=160),
    }
    monkeypatch.setattr(fused_scores, "TERMS", (("synflow",),))
    known = fused_scores.Published(features, truth, {"full": truth})
    rows = list(fused_scores.run(known, [3], [12]))
    assert [row["what"] for row in rows] == ["rank sum", "sum", "learnt from full"]
    ranks = stats.rankdata(-features["loss"]) + stats.rankdata(features["synflow"])
    expected = stats.kendalltau(ranks, truth).statistic
    assert rows[0]["tau"] == pytest.approx(expected)
    assert rows[1]["tau"] == pytest.approx(expected, abs=0.05)
    assert rows[2]["tau"] > rows[1]["tau"] and rows[2]["used"] == 1
    assert rows[2]["tau of the used"] == rows[2]["tau"]
    lines = fused_scores.summarise(rows)
    assert [line["networks"] for line in lines] == [None, None, 12]
    assert lines[2]["used: least"] == rows[2]["tau"]
