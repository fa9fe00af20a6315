"""The ranking of a space: every architecture once, resumable, done again on request."""

import itertools
import json

import numpy as np
import pytest

from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.jobs import run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import read_arrays
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py", "--stage=rank"]
ARCHS = np.asarray(list(itertools.product(range(2), range(3))), np.int32)
TRUTH = np.linspace(0.1, 0.6, 6)


@pytest.fixture
def known_truth(monkeypatch, tmp_path):
    monkeypatch.setitem(TRUTHS, "tiny", lambda folder: (ARCHS, TRUTH))


def ranking(setting):
    return json.loads((setting.folder.path / "ranking.json").read_text())


@pytest.mark.slow
def test_every_architecture_is_ranked(finished, known_truth):
    (said, report) = run_stages(finished, "rank", COMMAND)
    found = ranking(finished)
    assert found["num_archs"] == len(found["scores"]) == 6
    assert found["score"] == "accuracy" and found["scores"] == pytest.approx(
        found["metrics"]["accuracy"]
    )
    np.testing.assert_allclose(found["true"], TRUTH)
    expected = rank_agreement(np.asarray(found["scores"]), TRUTH)
    assert found["kendall_tau"] == pytest.approx(expected["kendall_tau"])
    by_loss = rank_agreement(-np.asarray(found["metrics"]["loss"]), TRUTH)
    assert found["kendall_tau_by_loss"] == pytest.approx(by_loss["kendall_tau"])
    assert f"{found['kendall_tau']:.4f} by accuracy" in said
    assert report.startswith("report: ")
    assert (finished.folder.path / "figures" / "ranking_scatter.png").exists()


@pytest.mark.slow
def test_a_stopped_ranking_goes_on(finished, tiny_config, make_setting, known_truth):
    run_stages(finished, "rank", COMMAND)
    expected = ranking(finished)
    tiny_config.search.population = 2  # other options: ranked again, in three batches
    with pytest.raises(Stopped):
        run_stages(make_setting(tiny_config, stop_after=2), "rank", COMMAND)
    (stored,) = read_arrays(finished.folder.path / "rank" / "metrics.npz", "loss")
    assert stored.shape == (4,)
    setting = make_setting(tiny_config)
    run_stages(setting, "rank", COMMAND)
    np.testing.assert_allclose(
        ranking(setting)["metrics"]["loss"], expected["metrics"]["loss"], rtol=1e-5
    )


@pytest.mark.slow
def test_a_space_without_truth_is_refused(finished):
    with pytest.raises(OptionError, match=r"space\.name: got 'tiny', allowed: one of"):
        run_stages(finished, "rank", COMMAND)
