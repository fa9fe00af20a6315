"""Weights for 8 bits: rounding by hand, its gradient, and what training on brings."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.benches.exports import random_weights
from qnas_jax.export import Images, blank_network
from qnas_jax.export.fake_quantised import (
    fake_quantise,
    rounded_kernel,
    rounded_values,
)
from qnas_jax.export.loading import load_network, logits_of
from qnas_jax.export.writing import write_source
from qnas_jax.jobs.nas.model_quality import ByAccuracy
from qnas_jax.nets import set_mode
from qnas_jax.spaces import SPACES
from qnas_jax.training.finetuning import trained_on

SHAPE, CLASSES = (8, 8, 1), 10


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A stand-alone network with weights of many sizes, which 8 bits round badly."""
    rng = np.random.default_rng(3)
    space = SPACES["digits_tiny"](SHAPE, CLASSES)
    arch = np.asarray([count - 1 for count in space.num_ops])
    module = random_weights(blank_network(space, arch), rng)
    set_mode(module, "running")
    names = tuple(map(str, range(CLASSES)))
    folder = tmp_path_factory.mktemp("model")
    images = Images(SHAPE, (0.4,), (0.3,), names, data="random")
    write_source(folder, space, arch, module, images)
    return load_network(folder)


def pixels(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def test_kernels_are_rounded_by_channel_and_values_together():
    kernel = jnp.array([[127.0, 1.0], [-60.4, 0.5]])
    expected = [[127.0, 1.0], [-60.0, round(0.5 * 127) / 127]]
    np.testing.assert_allclose(rounded_kernel(kernel), expected, rtol=1e-6)
    values = jnp.array([-1.0, 0.0, 0.301, 1.55])
    scale = 2.55 / 255
    expected = np.round(np.array(values) / scale) * scale
    np.testing.assert_allclose(rounded_values(values), expected, atol=1e-6)
    # Zero stays zero, also where all values are far from it.
    assert rounded_values(jnp.array([0.0, 5.0, 6.0]))[0] == 0
    levels = np.unique(np.asarray(rounded_values(jnp.linspace(-3, 7, 5000))))
    assert 255 <= len(levels) <= 256


def test_gradients_pass_the_rounding():
    slopes = jax.grad(lambda x: jnp.sum(rounded_values(x) * jnp.arange(4.0)))
    np.testing.assert_allclose(slopes(jnp.array([0.1, 0.2, 0.7, 0.9])), np.arange(4.0))


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="needs the extra export"
)
def test_it_computes_as_the_8_bit_model_does(network):
    """Most of what 8 bits change is what the rounding network changes."""
    from qnas_jax.export.onnx_files import quantised, run_onnx, to_onnx

    images = pixels(64)
    plain = np.asarray(network(images))
    rounding = nnx.clone(network)
    fake_quantise(rounding)
    changed = np.asarray(rounding(images)) - plain
    run = run_onnx(quantised(to_onnx(logits_of(network), SHAPE), images))
    small = run(images) - plain
    assert 0 < np.abs(small).mean() < 0.2 * np.abs(plain).mean()
    correlation = np.corrcoef(changed.ravel(), small.ravel())[0, 1]
    assert correlation > 0.5


def test_training_on_learns_with_rounding_and_leaves_the_network(network):
    images = pixels(128)
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(network)))
    targets = np.asarray(network(images)).argmax(axis=-1).astype(np.int32)
    targets = (targets + 1) % CLASSES  # something that is to be learnt

    def loss_of(module):
        rounding = nnx.clone(module)
        fake_quantise(rounding)
        shares = jax.nn.log_softmax(rounding(images))
        return -float(
            np.take_along_axis(np.asarray(shares), targets[:, None], 1).mean()
        )

    rounding, trained = nnx.clone(network), nnx.clone(network)
    fake_quantise(rounding)
    params = trained_on(
        rounding,
        images,
        targets,
        jax.random.key(0),
        loss=ByAccuracy(128).loss,
        steps=12,
        batch_size=64,
        learning_rate=3e-3,
    )
    nnx.update(trained, params)
    assert loss_of(trained) < loss_of(network) - 0.2
    after = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(network)))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    # It is a plain network again.
    assert np.asarray(trained(images)).shape == (128, CLASSES)
    again = nnx.clone(trained)
    fake_quantise(again)
    assert not np.array_equal(again(images), trained(images))


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_are_rounded_ones(stride):
    """By a kernel of ours and by the library: the same values and gradients."""
    conv = nnx.Conv(
        6,
        6,
        (3, 3),
        strides=stride,
        padding=((1, 1), (1, 1)),
        feature_group_count=6,
        use_bias=False,
        rngs=nnx.Rngs(0),
    )
    images = jax.random.normal(jax.random.key(1), (4, 8, 8, 6))
    kernel = conv.kernel[...]
    fake_quantise(conv)

    def ours(images):
        return (conv(images) ** 2).sum()

    def library(images):
        values = jax.lax.conv_general_dilated(
            rounded_values(images),
            rounded_kernel(kernel),
            (stride, stride),
            ((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=6,
        )
        return (values**2).sum()

    found, expected = (jax.value_and_grad(each)(images) for each in (ours, library))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4)
