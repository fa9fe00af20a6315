"""Kernels for GPUs are lowered for one here, as far as that goes without it."""

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import pallas as pl

from qnas_jax.kernels import depthwise_conv, run_folded
from tests.kernels.test_inverted_residual import CASES, SIZES, make_case

pytestmark = pytest.mark.skipif(
    jax.__version_info__ >= (0, 11), reason="JAX 0.11 lowers for GPUs on GPUs alone"
)


@pytest.fixture(autouse=True)
def _not_interpreted(monkeypatch):
    call = pl.pallas_call

    def compiled(*arguments, **options):
        return call(*arguments, **{**options, "interpret": False})

    monkeypatch.setattr(pl, "pallas_call", compiled)


def lowered(function, *arguments):
    traced = jax.jit(function).trace(*arguments)
    return traced.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_and_its_gradients(stride):
    images = jax.ShapeDtypeStruct((2, 8, 8, 24), jnp.bfloat16)
    kernel = jax.ShapeDtypeStruct((5, 5, 24), jnp.bfloat16)

    def loss(images, kernel):
        output = depthwise_conv(images, kernel, stride=stride, implementation="pallas")
        return (output.astype(jnp.float32) ** 2).sum()

    text = lowered(jax.grad(loss, argnums=(0, 1)), images, kernel)
    assert text.count("gpu.triton") == 3


def test_a_population_of_blocks():
    images, block, stride = make_case(CASES[0])
    images, block = jax.tree.map(
        lambda leaf: jnp.stack([leaf, leaf]), (images.astype(jnp.bfloat16), block)
    )

    def run(images, block):
        return run_folded(
            images,
            block,
            stride=stride,
            sizes=SIZES,
            gate=jax.nn.sigmoid,
            implementation="pallas",
        )

    assert lowered(jax.vmap(run), images, block).count("gpu.triton") == 3
