"""The sampler ablation, on a tiny space with a made-up truth."""

import numpy as np
import pytest

from experiments.comparisons.samplers import SETTINGS, run, summarise


@pytest.mark.slow
def test_rows_of_two_samplers(tiny_config):
    tiny_config.supernet.update(epochs=3)
    archs = np.array(list(np.ndindex(2, 3)), np.int32)
    rng = np.random.default_rng(0)
    names = ["strict fair", "balance pool, 5 archs, share .5"]
    rows = list(run(tiny_config, (archs, rng.random(6)), names, [0]))
    assert [row["sampler"] for row in rows] == names
    assert all(-1 <= row["tau"] <= 1 and row["training s"] > 0 for row in rows)
    summary = summarise([*rows, {**rows[0], "seed": 1, "tau": rows[0]["tau"] + 0.2}])
    assert summary[0]["seeds"] == 2
    assert summary[0]["tau"] == pytest.approx(rows[0]["tau"] + 0.1)
    assert summary[0]["sd tau"] == pytest.approx(0.2 / np.sqrt(2))


def test_every_setting_names_a_sampler_that_exists():
    from qnas_jax.training import SupernetOptions

    for options in SETTINGS.values():
        SupernetOptions(**options)
