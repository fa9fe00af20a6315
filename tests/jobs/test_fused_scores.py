"""A job by each score of a supernet's subnets: what is recorded, kept and refused."""


import numpy as np
import pytest
from scipy import stats

from qnas_jax.jobs import run_stages
from qnas_jax.runs import read_json, read_rows

COMMAND = ["python", "main.py"]


@pytest.fixture
def fused_config(tiny_config):
    tiny_config.search.update(score="fused")
    tiny_config.fused.update(terms=("synflow", "macs"), images=8, reference=5)
    tiny_config.retrain.update(compare=False, epochs=1)
    return tiny_config


def rows_in(setting, *names):
    return read_rows(setting.folder.path.joinpath(*names))


@pytest.mark.slow
def test_a_job_by_the_fused_score(fused_config, make_setting):
    setting = make_setting(fused_config)
    run_stages(setting, "all", COMMAND)
    reference = rows_in(setting, "reference", "evaluations.jsonl")
    assert len({tuple(row["arch"]) for row in reference}) == 5
    assert {row["generation"] for row in reference} == {-1}
    weights = read_json(setting.folder.path / "reference" / "weights.json")
    assert weights["weights"] == {"loss": 1.0, "synflow": 1.0, "macs": 1.0}

    def normal(name, row):
        """By SciPy, inside of the sample."""
        sign = -1 if name == "loss" else 1
        values = [sign * each["metrics"][name] for each in reference]
        scores = stats.norm.ppf((stats.rankdata(values) - 0.375) / 5.25)
        order = np.argsort(values)
        at = sign * row["metrics"][name]
        inside = min(values) <= at <= max(values)
        return np.interp(at, np.take(values, order), scores[order]) if inside else None

    history = rows_in(setting, "search", "history.jsonl")
    compared = 0
    for row in history:
        assert row["score"] == row["metrics"]["fused"]
        assert {"accuracy", "loss", "synflow", "macs"} < set(row["metrics"])
        assert row["metrics"]["macs"] == row["costs"]["macs"]
        parts = [normal(name, row) for name in ("loss", "synflow", "macs")]
        if None not in parts:
            assert row["score"] == pytest.approx(sum(parts), abs=1e-4)
            compared += 1
    assert compared >= 3
    best = read_json(setting.folder.path / "best_arch.json")
    assert best["scored_by"] == "fused"
    assert best["score"] == max(row["score"] for row in history)
    result = read_json(setting.folder.path / "result.json")
    assert result["scored_by"] == "fused" and result["reference_evaluations"] == 5
    page = (setting.folder.path / "report.html").read_text()
    assert "fused" in page
