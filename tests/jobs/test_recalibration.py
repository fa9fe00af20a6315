"""The experiment on recalibration, on the supernet of a finished run."""

import itertools

import numpy as np
import pytest
from scipy import stats

from experiments.comparisons import recalibration
from qnas_jax.errors import UserError
from qnas_jax.evaluation import ScoringOptions

ARCHS = np.asarray(list(itertools.product(range(2), range(3))), np.int32)
TRUTH = np.array([0.1, 0.4, 0.2, 0.6, 0.5, 0.3])


@pytest.mark.slow
def test_rows_by_number_of_images(finished):
    setting = recalibration.open_run(finished.folder.path)
    assert setting.config == finished.config
    rows = list(recalibration.run(setting, ARCHS, TRUTH, [0, 64]))
    assert [row["images"] for row in rows] == [0, 64]
    for row, statistics in zip(rows, ("running", "recalibrate"), strict=True):
        options = ScoringOptions(
            statistics=statistics, calibration_examples=64, score_chunk=32
        )
        metrics = setting.supernet_evaluator(options)(setting.weights)(
            setting.key("rank"), np.resize(ARCHS, (4, 2))
        ).metrics
        found, _ = recalibration.score(setting, ARCHS, row["images"])
        np.testing.assert_allclose(found["loss"][:4], metrics["loss"], rtol=1e-5)
        expected = stats.kendalltau(-found["loss"], TRUTH).statistic
        assert row["tau by loss"] == pytest.approx(expected)
        assert row["95% low"] <= row["95% high"]
    assert rows[0]["against 0"] == rows[0]["95% low"] == rows[0]["95% high"] == 0
    difference = rows[1]["tau by loss"] - rows[0]["tau by loss"]
    assert rows[1]["against 0"] == pytest.approx(difference)
    with pytest.raises(UserError, match=r"--images: got 161, expected 0\.\.160"):
        recalibration.score(setting, ARCHS, 161)
