"""Kept scores fused anew: against sums of normal scores that are computed by hand."""

import numpy as np
import pytest
from scipy import stats

from experiments.comparisons import fused_again
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, ranking_measures
from qnas_jax.runs import RowLog, write_arrays

ARCHS = np.array(list(np.ndindex(3, 2, 4)), np.int32)
RNG = np.random.default_rng(0)
LOSS, NWOT, TRUTH = RNG.permutation(24) / 24, RNG.permutation(24) * 3.0, RNG.random(24)


@pytest.fixture
def folder(tmp_path):
    """A training whose reference sample is what it ranked."""
    training = tmp_path / "s" / "epochs_2_seed_1"
    write_arrays(
        training / "rank" / "metrics.npz",
        names=np.array(["loss", "nwot"]),
        loss=LOSS.astype(np.float32),
        nwot=NWOT.astype(np.float32),
    )
    rows = [
        Evaluation(
            evaluation=number,
            generation=-1,
            arch=tuple(arch.tolist()),
            fidelity=-1,
            score=0.0,
            metrics={"loss": loss, "nwot": nwot},
            costs={},
            status="ok",
            reason="",
        ).row()
        for number, (arch, loss, nwot) in enumerate(
            zip(ARCHS, LOSS, NWOT, strict=True), start=1
        )
    ]
    (training / "reference").mkdir()
    RowLog(training / "reference" / "evaluations.jsonl").append(rows)
    return tmp_path


def normal(values):
    """Blom's normal scores."""
    return stats.norm.ppf((stats.rankdata(values) - 0.375) / (len(values) + 0.25))


def test_a_sum_is_that_of_normal_scores(folder):
    row = {"setting": "s", "epochs": 2, "seed": 1, "path images": 9, "measures": {}}
    others = [{**row, "epochs": 0, "seed": None}, {**row, "seed": 5}]  # not there
    sums = [{"loss": 1.0, "nwot": 0.5}, {"loss": 1.0}]
    (found,) = fused_again.run([*others, row], folder, (ARCHS, TRUTH), sums)
    assert list(found["measures"]) == ["loss + 0.5 nwot", "loss"]
    both = normal(-LOSS) + 0.5 * normal(NWOT)
    expected = ranking_measures(both, TRUTH).row()
    assert found["measures"]["loss + 0.5 nwot"] == pytest.approx(expected, nan_ok=True)
    by_loss = stats.kendalltau(-LOSS, TRUTH).statistic
    assert found["measures"]["loss"]["kendall_tau"] == pytest.approx(by_loss)
    assert found["path images"] == 9


def test_effects_follow_from_the_reference(folder):
    """In a whole space the effect of an op is its mean loss, up to shrinking."""
    training = folder / "s" / "epochs_2_seed_1"
    found = fused_again.fused(training, ARCHS, {"effects": 1.0})
    means = sum(
        np.array([normal(-LOSS)[ARCHS[:, at] == op].mean() for op in ARCHS[:, at]])
        for at in range(3)
    )
    # Shrinking leaves the order of these sums nearly as it is.
    assert stats.spearmanr(found, means).statistic > 0.95


def test_what_does_not_fit_is_said(folder):
    training = folder / "s" / "epochs_2_seed_1"
    with pytest.raises(UserError, match="got no synflow, expected of loss, nwot"):
        fused_again.fused(training, ARCHS, {"synflow": 1.0})
    with pytest.raises(UserError, match="got scores of 24 architectures, expected 23"):
        fused_again.fused(training, ARCHS[1:], {"loss": 1.0})
    with pytest.raises(UserError, match="--fuse: got 'loss', expected NAME:WEIGHT"):
        fused_again.read_weights("loss")
    assert fused_again.read_weights("loss:1, nwot:0.5") == {"loss": 1.0, "nwot": 0.5}
