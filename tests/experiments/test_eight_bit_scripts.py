"""Hand-made networks timed in 8 bits, and channels that 8 bits round away, tiny."""

import importlib.util

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.benches import hand_made_latency, unequal_channels
from experiments.benches.exports import random_weights
from qnas_jax.data import DataOptions, load
from qnas_jax.export import Images, blank_network
from qnas_jax.export.fake_quantised import fake_quantise
from qnas_jax.export.loading import load_network
from qnas_jax.export.writing import write_source
from qnas_jax.nets import set_mode
from qnas_jax.spaces import SPACES

NEEDS_EXPORT = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="needs the extra export"
)


@NEEDS_EXPORT
def test_a_hand_made_network_is_narrowed_and_timed():
    (row,) = hand_made_latency.run(["resnet8"], 400_000, 8, 0.01)
    assert row["network"].startswith("resnet8, ") and 0 < row["macs"] <= 400_000
    assert row["bytes_8"] >= row["params"] > 0
    assert row["ms, float32"] > 0 and row["ms, 8 bits"] > 0


def test_scaled_channels_are_the_same_network_but_for_rounding(tmp_path):
    space = SPACES["digits_tiny"]((8, 8, 1), 10)
    rng = np.random.default_rng(0)
    module = random_weights(blank_network(space, unequal_channels.ARCH), rng)
    set_mode(module, "running")
    images = Images((8, 8, 1), (0.3,), (0.38,), tuple("0123456789"))
    write_source(tmp_path, space, unequal_channels.ARCH, module, images)
    network = load_network(tmp_path)
    for _, block in nnx.iter_modules(network):
        if hasattr(block, "activation"):
            block.activation = "relu"  # cuts nothing off
    examples = jnp.asarray(rng.integers(0, 256, (8, 8, 8, 1)), jnp.uint8)
    before = np.asarray(network(examples))
    unequal_channels.scale_channels(network, 1.5, np.random.default_rng(1))
    after = np.asarray(network(examples))
    np.testing.assert_allclose(after, before, atol=1e-4 * np.abs(before).max())
    fake_quantise(network)
    assert np.abs(np.asarray(network(examples)) - before).max() > 1e-2


@NEEDS_EXPORT
@pytest.mark.slow
def test_rows_before_and_after_fine_tuning():
    rows = unequal_channels.run(1.5, 2, training_steps=3)
    assert [row["network"] for row in rows] == [
        "trained",
        "channels scaled",
        "trained on in float32",
        "trained on for 8 bits",
    ]
    assert len(load(DataOptions()).valid) > 100
    for row in rows:
        assert 0 <= row["8 bits"] <= 100 and 0 <= row["float32"] <= 100
