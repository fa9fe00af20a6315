"""Padded layers by the kernels for GPUs, interpreted here, against plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import inverted_residual
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.padding import padded_layer
from qnas_jax.spaces import Layer, op
from qnas_jax.spaces.mobile import FBNET_OPS, PROXYLESSNAS_OPS

LAYERS = {
    "attention": Layer(4, 4, 1, PROXYLESSNAS_OPS),
    "groups, shape changes": Layer(4, 6, 2, FBNET_OPS),
    "two activations, attention of a narrow op": Layer(
        4,
        6,
        1,
        (
            op("a", "mbconv", expansion=3),
            op("b", "mbconv", expansion=2, activation="relu", attention="se"),
        ),
    ),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_kernels_compute_what_the_layer_does(layer, monkeypatch):
    rng = np.random.default_rng(0)
    params, stats = initial_rows(layer, jax.random.key(0))
    params = jnp.asarray(0.5 * rng.standard_normal(params.shape), jnp.float32)
    stats = jnp.asarray(rng.uniform(0.5, 1.0, stats.shape), jnp.float32)
    images = jnp.asarray(rng.standard_normal((2, 5, 5, 4)), jnp.float32)
    body = padded_layer(layer)

    def run(op):
        return body.run("running", op, params[op], stats[op], images)[0]

    chosen = jnp.arange(len(layer.ops))
    expected = np.asarray(jax.jit(jax.vmap(run))(chosen))
    for index, template in enumerate(body.templates):
        alone, _ = template.apply("running", params[index], stats[index], images)
        np.testing.assert_allclose(expected[index], alone, rtol=1e-4, atol=1e-5)
    monkeypatch.setitem(inverted_residual.BEST, jax.default_backend(), "pallas")
    found = np.asarray(jax.jit(jax.vmap(run))(chosen))
    assert (found != expected).any(), "the kernels did not run"
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
