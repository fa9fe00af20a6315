"""Blocks of hand-made networks against sums written out with NumPy and SciPy."""

import jax
import numpy as np
import pytest
from flax import nnx
from scipy.signal import correlate

from qnas_jax.errors import UserError
from qnas_jax.nets.hand_made_ops import (
    BasicBlock,
    Convolution,
    DenseLayer,
    Transition,
)

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype(np.float32)


def convolved(images, kernel, stride=1):
    """3 x 3 or 1 x 1 convolution by SciPy, channel by channel."""
    pad = kernel.shape[0] // 2
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    found = np.stack(
        [
            np.stack(
                [
                    sum(
                        correlate(image[..., i], kernel[..., i, o], mode="valid")
                        for i in range(image.shape[-1])
                    )
                    for o in range(kernel.shape[-1])
                ],
                axis=-1,
            )
            for image in padded
        ]
    )
    return found[:, ::stride, ::stride]


def normalised(values, norm):
    mean, var = np.asarray(norm.mean[...]), np.asarray(norm.var[...])
    scale, shift = np.asarray(norm.scale[...]), np.asarray(norm.bias[...])
    return (values - mean) / np.sqrt(var + 1e-5) * scale + shift


def in_use(make, *sizes):
    """A block with statistics and scales that are not those of the start."""
    block = make(*sizes, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(1)
    for _, module in nnx.iter_modules(block):
        if isinstance(module, nnx.BatchNorm):
            for array in (module.scale, module.bias, module.mean, module.var):
                array[...] = rng.uniform(0.5, 1.5, array[...].shape).astype(np.float32)
    block.eval()
    return block


def kernel(module):
    weights = np.asarray(module.kernel[...])
    return weights if weights.ndim == 4 else weights[0][None, None]


@pytest.mark.parametrize(("out_features", "stride"), [(4, 1), (7, 2)])
def test_basic_block(out_features, stride):
    block = in_use(BasicBlock, 4, out_features, stride)
    first = convolved(IMAGES, kernel(block.first), stride)
    first = np.maximum(normalised(first, block.first_norm), 0)
    second = normalised(convolved(first, kernel(block.second)), block.second_norm)
    passed = np.zeros_like(second)
    # Of three new channels one stands before the old ones and two behind.
    start = (out_features - 4) // 2
    passed[..., start : start + 4] = IMAGES[:, ::stride, ::stride]
    expected = np.maximum(second + passed, 0)
    np.testing.assert_allclose(jax.jit(block)(IMAGES), expected, atol=2e-5)


def test_dense_layer():
    layer = in_use(DenseLayer, 4, 6, 1)
    values = np.maximum(normalised(IMAGES, layer.norm), 0)
    values = convolved(values, kernel(layer.squeeze))
    assert values.shape[-1] == 8  # four times the two channels that are added
    values = np.maximum(normalised(values, layer.hidden_norm), 0)
    expected = np.concatenate([IMAGES, convolved(values, kernel(layer.conv))], axis=-1)
    np.testing.assert_allclose(jax.jit(layer)(IMAGES), expected, atol=2e-5)


def test_transition_leaves_an_odd_row_out():
    images = IMAGES[:, :5]
    transition = in_use(Transition, 4, 2, 2)
    values = np.maximum(normalised(images, transition.norm), 0)
    values = convolved(values, kernel(transition.conv))
    expected = np.stack(
        [
            [
                values[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((1, 2))
                for j in range(3)
            ]
            for i in range(2)
        ]
    ).transpose(2, 0, 1, 3)
    np.testing.assert_allclose(jax.jit(transition)(images), expected, atol=2e-5)


def test_convolution():
    block = in_use(Convolution, 4, 3, 2)
    expected = convolved(IMAGES, kernel(block.conv), 2)
    np.testing.assert_allclose(jax.jit(block)(IMAGES), expected, atol=2e-5)


@pytest.mark.parametrize(
    ("make", "sizes", "words"),
    [
        (BasicBlock, (8, 4, 1), "expected at least 8"),
        (DenseLayer, (8, 8, 1), "expected more than 8 and stride 1"),
        (DenseLayer, (8, 9, 2), "stride 2, expected more than 8 and stride 1"),
        (Transition, (8, 4, 1), "got stride 1, expected 2"),
    ],
)
def test_sizes_that_do_not_fit(make, sizes, words):
    with pytest.raises(UserError, match=words):
        make(*sizes, rngs=nnx.Rngs(0))
