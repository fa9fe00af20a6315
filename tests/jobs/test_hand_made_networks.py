"""Hand-made networks at a budget: the widest version that fits."""

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.hand_made import fitted
from qnas_jax.spaces import hand_made

RESNET = hand_made("resnet8", (16, 16, 3), 10)


def costs(supernet):
    arch = np.zeros((1, supernet.space.num_layers), np.int32)
    return {name: int(v[0]) for name, v in supernet.cost_table().cost(arch).items()}


def test_the_widest_that_fits():
    whole, width = fitted(RESNET, {})
    assert width == 1 and costs(whole)["params"] == 75_290
    limits = {"params": 20_000.0, "macs": 600_000.0}
    found, width = fitted(RESNET, limits)
    assert 0 < width < 1
    assert all(costs(found)[name] <= most for name, most in limits.items())
    # A step wider is too much.
    tight = {"params": float(costs(found)["params"])}
    assert fitted(RESNET, tight)[1] >= width


def test_the_narrowest_where_none_fits():
    _, width = fitted(RESNET, {"params": 1.0})
    assert width == 1 / 32


def test_an_unknown_network_is_told_before_anything_is_trained(
    tiny_config, make_setting
):
    from qnas_jax.jobs import run_stages

    tiny_config.retrain.baselines = ("resnet9",)
    with pytest.raises(UserError, match="retrain.baselines: got resnet9"):
        run_stages(make_setting(tiny_config), "all", ["python", "main.py"])
