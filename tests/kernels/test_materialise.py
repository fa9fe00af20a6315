"""What several consumers read is computed once."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import (
    compiler_options,
    depthwise_conv,
    images_at_once,
    jit_network,
    materialise,
)


def spread(images, kernel, keep):
    """A depth-wise convolution that an average and a product read."""
    convolved = depthwise_conv(images, kernel, implementation="shifted")
    chain = keep(jax.nn.relu6(convolved))
    gate = jax.nn.relu(chain.mean(axis=(1, 2), keepdims=True))
    return (chain * gate).reshape(-1, chain.shape[-1]) @ kernel[0].T


def taps(keep, options):
    """How many shifted views of the images the compiled program reads."""
    compiled = jax.jit(lambda x, k: spread(x, k, keep), compiler_options=options)
    text = compiled.lower(jnp.ones((8, 16, 16, 32)), jnp.ones((3, 3, 32))).compile()
    return len(re.findall(r"= f32\[8,16,16,32\]\S* slice\(", text.as_text()))


@pytest.mark.skipif(
    jax.default_backend() != "cpu" or not compiler_options(),
    reason="about XLA's CPU compiler, which keeps no barriers since JAX 0.12",
)
def test_a_convolution_is_computed_once_only_if_materialised():
    assert taps(materialise, compiler_options()) == 9
    assert taps(lambda values: values, compiler_options()) == 18


def test_values_and_gradients_do_not_change():
    images = jax.random.normal(jax.random.key(0), (2, 5, 5, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3))

    def gradients(keep):
        def loss(images, kernel):
            return (spread(images, kernel, keep) ** 2).sum()

        return jax.grad(loss, argnums=(0, 1))

    plain = gradients(lambda values: values)(images, kernel)
    kept = jit_network(gradients(materialise))(images, kernel)
    for got, want in zip(kept, plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_a_compiled_network_can_be_a_part_of_a_program():
    double = jit_network(lambda values: values * 2.0)
    assert double(jnp.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert jax.jit(lambda v: double(v) + 1.0)(jnp.ones(2)).tolist() == [3.0, 3.0]
    assert jax.vmap(double)(jnp.ones((2, 1))).tolist() == [[2.0], [2.0]]


@pytest.mark.parametrize("count", [1, 7, 64, 96])
@pytest.mark.parametrize("size", [10, 100_000, 300_000, 10_000_000])
def test_parts_divide_the_batch_and_fit(size, count):
    part = images_at_once(size, count)
    assert count % part == 0
    assert part == 1 or part == count or part * size <= 1_000_000
