"""A block in use: its kernels against the plain form, and against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import Clip, FoldedBlock, depthwise_conv, run_folded

SIZES = (3, 5)
CASES = [  # in, hidden, out, width, taps, stride, side
    (8, 48, 12, 48, 5, 1, 5),
    (20, 100, 40, 60, 3, 2, 7),
]


def make_block(rng, in_features, hidden, out_features, width, taps):
    """An op of so many channels and taps in the arrays of a wider block."""

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32) * 0.4

    own = (np.arange(hidden) < width).astype(np.float32)
    depthwise = np.zeros((5, 5, hidden), np.float32)
    border = (5 - taps) // 2
    inner = slice(border, border + taps)
    depthwise[inner, inner] = draw(taps, taps, hidden)
    clip = Clip(jnp.float32(0), jnp.float32(6))
    return FoldedBlock(
        expand=jnp.asarray(draw(in_features, hidden) * own),
        expand_offset=jnp.asarray(draw(hidden) * own),
        expand_clip=clip,
        depthwise=jnp.asarray(depthwise * own),
        depthwise_offset=jnp.asarray(draw(hidden) * own),
        depthwise_clip=clip,
        project=jnp.asarray(draw(hidden, out_features) * own[:, None]),
        project_offset=jnp.asarray(draw(out_features)),
        width=jnp.int32(width),
        taps=jnp.int32(taps),
    )


def make_case(case, count=3):
    rng = np.random.default_rng(0)
    in_features, hidden, out_features, width, taps, stride, side = case
    block = make_block(rng, in_features, hidden, out_features, width, taps)
    images = rng.normal(size=(count, side, side, in_features)).astype(np.float32)
    return jnp.asarray(images), block, stride


def by_definition(images, block, stride, gate):
    """In NumPy and float64, of the op's own channels and taps alone."""
    width, taps = int(block.width), int(block.taps)
    border = (5 - taps) // 2
    inner = slice(border, border + taps)
    arrays = [np.asarray(each, np.float64) for each in block[:2]]
    hidden = np.asarray(images, np.float64) @ arrays[0][:, :width]
    hidden = np.clip(hidden + arrays[1][:width], 0, 6)
    kernel = np.asarray(block.depthwise)[inner, inner, :width]
    values = depthwise_conv(jnp.asarray(hidden, jnp.float32), kernel, stride=stride)
    offset = np.asarray(block.depthwise_offset)[:width]
    values = np.clip(np.asarray(values, np.float64) + offset, 0, 6)
    values = values * np.asarray(gate(values.mean(axis=(1, 2))))[:, None, None]
    project = np.asarray(block.project, np.float64)[:width]
    return values @ project + np.asarray(block.project_offset)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("implementation", ["reference", "pallas"])
def test_forms_agree_with_the_definition(case, implementation):
    images, block, stride = make_case(case)
    expected = by_definition(images, block, stride, jax.nn.sigmoid)
    found = run_folded(
        images,
        block,
        stride=stride,
        sizes=SIZES,
        gate=jax.nn.sigmoid,
        implementation=implementation,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_blocks_of_several_sizes_at_once_with_what_is_added():
    rng = np.random.default_rng(1)
    each = [make_block(rng, 8, 48, 8, *op) for op in ((48, 5), (24, 3), (0, 0))]
    blocks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    images = jnp.asarray(rng.normal(size=(3, 2, 4, 4, 8)), jnp.float32)

    def run(implementation):
        def one(images, block):
            return run_folded(
                images,
                block,
                stride=1,
                sizes=SIZES,
                added=images,
                implementation=implementation,
            )

        return jax.vmap(one)(images, blocks)

    found = run("pallas")
    np.testing.assert_allclose(found, run("reference"), rtol=1e-5, atol=1e-5)
    # An op of no channels hands on what is added, but for its last offset.
    offset = each[2].project_offset[None, None, None]
    np.testing.assert_allclose(found[2], images[2] + offset, rtol=1e-6, atol=1e-6)


def test_lower_precision():
    images, block, stride = make_case(CASES[0])
    images = images.astype(jnp.bfloat16)
    found, expected = (
        np.asarray(
            run_folded(images, block, stride=stride, sizes=SIZES, implementation=name),
            np.float32,
        )
        for name in ("pallas", "reference")
    )
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
