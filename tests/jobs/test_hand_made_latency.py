"""Hand-made networks within a limit of milliseconds: predicted by their parts.

A module takes here what it has parameters, so that widths are known without a clock.
"""

import json

import jax
import numpy as np
import pytest
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas import latency_rows
from qnas_jax.jobs.nas.candidates import candidates_of
from qnas_jax.jobs.nas.hand_made import fitted
from qnas_jax.latency import Measured
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import hand_made, narrowed

COMMAND = ["python", "main.py", "--stage=latency"]
CALL_MS, EACH = 0.01, 1e-6
LIMIT = CALL_MS + EACH * 20_000  # as much as 20,000 parameters
RESNET = hand_made("resnet8", (8, 8, 1), 10)


def slow_by_parameters(options, key):
    del options, key

    def measure(module, shape, count):
        del shape, count
        leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
        ms = CALL_MS + EACH * sum(leaf.size for leaf in leaves)
        return Measured(ms, ms, 0.0, 10)

    return measure


@pytest.fixture
def measured(monkeypatch, tiny_config, make_setting):
    """A run with a winner, a latency table and what hand-made networks take."""
    monkeypatch.setattr(latency_rows, "measurer", slow_by_parameters)
    tiny_config.latency.update(calibrate=0, validate=0)
    tiny_config.constraints.max_latency_ms = LIMIT
    tiny_config.retrain.update(baselines=("resnet8",), compare=False)
    setting = make_setting(tiny_config)
    run_stages(setting, "latency", COMMAND)
    best = {"arch": [0] * setting.space.num_layers, "score": 0.5}
    (setting.folder.path / "best_arch.json").write_text(json.dumps(best))
    return setting


def hand_made_of(setting):
    return candidates_of(setting)[-1]


def test_the_widest_whose_parts_take_no_longer(measured, tiny_config, make_setting):
    content = json.loads((measured.folder.path / "latency.json").read_text())
    widths = content["hand_made"]["resnet8"]
    # Published, then half of what is left, five times.
    assert list(widths)[:2] == ["1.0", "0.5"] and len(widths) == 6
    for share, predicted in widths.items():
        supernet = build_supernet(narrowed(RESNET, float(share)))
        arch = np.zeros((1, supernet.space.num_layers), np.int32)
        (params,) = supernet.cost_table().cost(arch)["params"]
        assert predicted == pytest.approx(CALL_MS + EACH * params)
    supernet, width = fitted(RESNET, {"params": 20_000})
    found = hand_made_of(measured)
    assert found.width == width and 0 < width < 1
    assert found.latency == {"latency_ms": widths[str(width)]}
    # A limit on parameters holds beside it.
    tiny_config.constraints.max_params = 10_000
    narrow = hand_made_of(make_setting(tiny_config))
    assert narrow.width < width and "latency_unknown" in narrow.latency


def test_what_cannot_be_predicted_is_said(measured, tiny_config, make_setting):
    """And the network then costs no more than the winner."""
    tiny_config.constraints.max_latency_ms = CALL_MS + EACH
    none = hand_made_of(make_setting(tiny_config))
    assert none.latency == {"latency_unknown": "none of the widths measured keeps it"}
    path = measured.folder.path / "latency.json"
    content = json.loads(path.read_text())
    tiny_config.constraints.update(max_latency_ms=LIMIT, device=str(path))
    elsewhere = hand_made_of(make_setting(tiny_config))
    assert "not in the table of that device" in elsewhere.latency["latency_unknown"]
    tiny_config.constraints.device = ""
    path.write_text(json.dumps({**content, "hand_made": {}}))
    unmeasured = hand_made_of(make_setting(tiny_config))
    assert "has not measured its blocks" in unmeasured.latency["latency_unknown"]
    assert none.width == elsewhere.width == unmeasured.width


def test_an_unknown_network_is_told_before_anything_is_measured(
    tiny_config, make_setting
):
    tiny_config.constraints.max_latency_ms = 1.0
    tiny_config.retrain.baselines = ("resnet9",)
    setting = make_setting(tiny_config)
    with pytest.raises(UserError, match="retrain.baselines: got resnet9"):
        run_stages(setting, "latency", COMMAND)
    assert not (setting.folder.path / "latency").exists()
