"""A supernet of narrower networks on smaller images; the winner is of full size."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import NetworkSpace, narrowed


@pytest.mark.slow
def test_the_whole_job(tmp_path, tiny_config, make_setting):
    tiny_config.supernet.update(width=0.5)
    tiny_config.data.update(side=6)
    setting = make_setting(tiny_config)
    run_stages(setting, "all", ["python", "main.py"])
    result = json.loads((setting.folder.path / "result.json").read_text())

    reduced = setting.reduced
    assert reduced.dataset.input_shape == (6, 6, 1)
    assert reduced.task.mean != setting.task.mean
    assert isinstance(setting.space, NetworkSpace)
    expected = narrowed(setting.space, 0.5)
    assert reduced.space.layers == expected.layers
    params, _ = setting.weights
    full, _ = setting.supernet.init(setting.key("shapes"))
    for narrow, wide in zip(params["layers"], full["layers"], strict=True):
        assert narrow.shape[0] == wide.shape[0] and narrow.shape[1] < wide.shape[1]

    arch = np.asarray([result["arch"]])
    assert result["macs"] == setting.costs.cost(arch)["macs"][0]
    small = build_supernet(reduced.space).cost_table().cost(arch)["macs"][0]
    assert result["supernet_macs"] == small < result["macs"]
    assert result["parameters"] == setting.costs.cost(arch)["params"][0]


def test_full_size_is_the_run_itself(tiny_config, make_setting):
    setting = make_setting(tiny_config)
    assert setting.reduced is setting
    tiny_config.data.update(side=8)  # What the digits have anyway.
    same = make_setting(tiny_config, "same")
    assert same.reduced is same


def test_a_size_at_which_nothing_runs_is_refused(tiny_config, make_setting):
    tiny_config.space.update(name="nas_bench_201", file="")
    tiny_config.data.update(side=6)
    setting = make_setting(tiny_config)
    with pytest.raises(UserError, match="multiples of 4"):
        run_stages(setting, "supernet", ["python", "main.py"])
