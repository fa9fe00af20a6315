"""A space of cells goes the whole way: trained, searched, cut out, retrained."""

import json

import numpy as np
import pytest

from qnas_jax.jobs import run_stages
from qnas_jax.spaces import parse_arch

SPACE = """
from qnas_jax.spaces import CellSpace, register_space

register_space(
    "cells",
    lambda shape, classes: CellSpace(
        "cells", shape, classes, num_nodes=2, features=4, stages=2, cells=1
    ),
)
"""


@pytest.mark.slow
def test_the_whole_job(tmp_path, tiny_config, make_setting, monkeypatch):
    file = tmp_path / "cells.py"
    file.write_text(SPACE)
    tiny_config.space.update(name="cells", file=str(file))
    tiny_config.supernet.update(epochs=2, sampler="strict_fair")
    tiny_config.retrain.update(epochs=1, compare=False, drop_path=0.1)
    setting = make_setting(tiny_config)
    run_stages(setting, "all", ["python", "main.py"])

    result = json.loads((setting.folder.path / "result.json").read_text())
    assert parse_arch(setting.space, result["string"]).tolist() == result["arch"]
    costs = setting.costs.cost(np.asarray([result["arch"]]))
    assert result["parameters"] == costs["params"][0]
    edges = [row["edge"] for row in result["layers"] if row["role"] == "layer"]
    assert edges == ["0-1"]
    params, stats = setting.weights
    assert [rows.shape[0] for rows in params["layers"]] == [5]
    # Fair training visits every op: the statistics of both convolutions have moved.
    moved = [not np.isin(row, (0, 1)).all() for row in np.asarray(stats["layers"][0])]
    assert moved == [False, False, True, True, False]
    assert (setting.folder.path / "report.html").exists()
