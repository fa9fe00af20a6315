"""The sampler ablation, on a tiny space with a made-up truth."""

import numpy as np
import pytest

from experiments.comparisons.samplers import (
    CONTENDERS,
    grid_of,
    measures,
    summarise,
)
from experiments.measuring.grids import Grid
from experiments.measuring.rows import append_rows, read_rows
from qnas_jax.training import SupernetOptions

ARCHS = np.array(list(np.ndindex(2, 3)), np.int32)
TRUTH = np.random.default_rng(0).random(6)


@pytest.mark.slow
def test_samplers_get_as_many_path_images(tiny_config):
    """160 images are five batches of 32; strict fairness has three paths a step."""
    names = ["macs_3", "strict_pool_half"]
    grid = grid_of(tiny_config, (ARCHS, TRUTH), names, [0], 960)
    rows = list(grid.run())
    assert [row["sampler"] for row in rows] == names
    assert [row["path-images"] for row in rows] == [960, 960]
    assert [row["updates"] for row in rows] == [30, 10]
    assert all(-1 <= row["tau by loss"] <= 1 and row["training s"] > 0 for row in rows)
    assert all(row["pick"] in TRUTH and row["space"] == "tiny" for row in rows)
    assert not list(grid.run(rows))


def test_what_has_a_row_of_the_same_scale_is_not_done_again():
    rows = [{"sampler": "a", "seed": 0, "width": 0.5, "tau": 0.1}]
    cells = [{"sampler": name, "seed": seed} for seed in (0, 1) for name in "ab"]

    def grid(**scale):
        return Grid("x", [{**cell, **scale} for cell in cells], lambda cell: [{}])

    left = [(cell["seed"], cell["sampler"]) for cell in grid(width=0.5).missing(rows)]
    assert left == [(0, "b"), (1, "a"), (1, "b")]
    assert len(grid(width=0.25).missing(rows)) == 4
    assert len(grid(width=0.5, side=8).missing(rows)) == 4


def test_rows_are_kept_as_they_come(tmp_path):
    file = str(tmp_path / "rows" / "rows.jsonl")
    assert read_rows(file) == [] == read_rows(None)
    for name in ("a", "b"):
        append_rows(file, [{"sampler": name, "tau": 0.1}])
    rows = read_rows(file)
    assert [row["sampler"] for row in rows] == ["a", "b"] and "commit" in rows[0]
    with open(file, "a") as out:
        out.write('{"sampler": "c')  # stopped while writing
    assert read_rows(file) == rows
    append_rows(file, [{"sampler": "c"}])
    assert [row["sampler"] for row in read_rows(file)] == ["a", "b", "c"]


def test_measures_of_a_ranking():
    truth = np.linspace(0.1, 0.9, 40)
    loss = 1 - truth
    loss[[39, 38]] = loss[[38, 39]]  # of the best four, one of six pairs is turned
    found = measures({"loss": loss, "accuracy": np.zeros(40)}, truth)
    assert found["tau by loss"] == pytest.approx(1 - 2 / (40 * 39 / 2))
    assert found["best tenth"] == pytest.approx(1 - 2 / 6)
    assert found["tau by accuracy"] == 0
    assert found["pick"] == truth[38]


def test_differences_are_taken_seed_by_seed():
    zeros = {"tau by accuracy": 0.0, "best tenth": 0.0, "pick": 0.0}
    zeros |= {"path-images": 8, "training s": 2.0}
    values = {"fair": [0.1, 0.5, 0.3], "uniform": [0.2, 0.7, 0.6]}
    rows = [
        {"sampler": name, "seed": seed, "tau by loss": value, **zeros}
        for name, own in values.items()
        for seed, value in enumerate(own)
    ]
    fair, uniform = summarise(rows)
    assert (fair["difference"], fair["+-"]) == (0, 0)
    assert uniform["difference"] == pytest.approx(0.2)
    # Differences .1, .2, .3: sd .1, and 4.303 is the 97.5 % point of t with 2 degrees.
    assert uniform["+-"] == pytest.approx(4.3027 * 0.1 / np.sqrt(3), rel=1e-4)
    assert uniform["sd tau by loss"] == pytest.approx(np.std([0.2, 0.7, 0.6], ddof=1))
    alone = summarise(rows[:1])
    assert alone[0]["+-"] is None and alone[0]["sd pick"] is None


def test_every_contender_is_a_sampler_that_exists():
    for contender in CONTENDERS.values():
        options = SupernetOptions(**contender.options)
        assert (options.pool_share > 0) == (contender.pool_from > 0)
