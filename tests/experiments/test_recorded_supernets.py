"""Recorded scores of supernets: their files, and a search of them."""

import itertools
import json

import numpy as np
import pytest

from experiments.comparisons import recorded_supernets as experiment
from qnas_jax.evaluation.tables.nas_bench_201 import SPACE

OPS = SPACE.choices[0]


def genotype(arch):
    """The form of the published files, edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3."""
    names = [OPS[op] for op in arch]
    nodes = [
        ((names[0], 0),),
        ((names[1], 0), (names[2], 1)),
        ((names[3], 0), (names[4], 1), (names[5], 2)),
    ]
    return str(nodes)


@pytest.fixture
def scores(tmp_path):
    """Files of scores that grow with the position of the arch."""
    archs = list(itertools.product(range(5), repeat=6))
    values = {genotype(arch): 100 * place / 15625 for place, arch in enumerate(archs)}
    items = list(values.items())
    for number in range(experiment.NUM_FILES):
        (tmp_path / f"net_{number}").write_text(json.dumps(dict(items[number::5])))
    return tmp_path


def test_scores_stand_at_the_positions_of_their_archs(scores):
    read = experiment.read_supernet(scores, "net")
    np.testing.assert_allclose(read, np.arange(15625) / 15625, rtol=1e-6)
    # A genotype written by hand.
    text = (
        "[(('nor_conv_3x3', 0),), (('none', 0), ('skip_connect', 1)), "
        "(('none', 0), ('none', 1), ('avg_pool_3x3', 2))]"
    )
    names = ["nor_conv_3x3", "none", "skip_connect", "none", "none", "avg_pool_3x3"]
    expected = [OPS.index(name) for name in names]
    np.testing.assert_array_equal(experiment.genotype_arch(text), expected)


def test_missing_scores_are_counted(scores):
    (scores / "net_4").write_text("{}")
    with pytest.raises(ValueError, match="got no score of 3125 archs"):
        experiment.read_supernet(scores, "net")


def test_what_is_reported_is_the_score_that_was_found(scores):
    rows = list(experiment.run(scores, ["net"], ["random"], 2))
    assert {row["task"] for row in rows} == {"net"} and len(rows) == 2
    for row in rows:
        assert row["test"] == row["validation"]
        assert row["optimum"] == pytest.approx(15624 / 15625)
