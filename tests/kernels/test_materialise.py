"""What several consumers read is computed once."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import compiler_options, images_at_once, jit_network, materialise


def spread(values, keep):
    """A cheap chain that two sums read."""
    chain = values * 2.0 + values[::-1]
    chain = keep(chain)
    return chain.sum(axis=0), (chain * chain).max(axis=0)


def computations(keep, options):
    """How many fused computations hold the chain's reversal."""
    compiled = jax.jit(lambda v: spread(v, keep), compiler_options=options)
    text = compiled.lower(jnp.ones((512, 64))).compile().as_text()
    return len(re.findall(r" = \S+ reverse\(", text))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="about XLA's CPU compiler")
def test_a_chain_is_computed_once_only_if_materialised():
    assert computations(materialise, compiler_options()) == 1
    assert computations(lambda values: values, compiler_options()) > 1


def test_values_and_gradients_do_not_change():
    values = jax.random.normal(jax.random.key(0), (8, 3))

    def loss(values, keep):
        first, second = spread(values, keep)
        return (first * second).sum()

    plain = jax.grad(loss)(values, lambda v: v)
    kept = jit_network(lambda v: jax.grad(loss)(v, materialise))(values)
    np.testing.assert_allclose(kept, plain, rtol=1e-6)


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
