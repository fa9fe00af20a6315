"""A layer as one padded body against each of its ops, run alone on the same rows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.nets import MODES
from qnas_jax.nets.families import padded_layer
from qnas_jax.nets.initial import initial_rows
from qnas_jax.spaces import Layer, op

BLOCKS = (
    op("mb1", "mbconv", kernel=3, expansion=1),
    op("mb2_k5_se", "mbconv", kernel=5, expansion=2, attention="se"),
    op("mb3_k3_eca", "mbconv", kernel=3, expansion=3, attention="eca"),
    op("mb2_g2", "mbconv", kernel=3, expansion=2, groups=2, activation="relu"),
)
LAYERS = {
    "same shape": Layer(4, 4, 1, (*BLOCKS, op("skip", "skip"))),
    "stride and shortcut": Layer(4, 6, 2, (*BLOCKS[:2], op("skip", "skip"))),
    "identities": Layer(4, 6, 2, (BLOCKS[2], op("identity", "projection"))),
    "wider, no stride": Layer(4, 6, 1, (BLOCKS[1], op("identity", "projection"))),
    "a stranger": Layer(4, 8, 2, (BLOCKS[0], op("shuffle", "shuffle", kernel=3))),
    "blocks only": Layer(4, 4, 1, BLOCKS[1:2]),
}


@pytest.fixture(autouse=True)
def double_precision():
    """Rounding does not hide, nor make, a difference."""
    with jax.enable_x64(True):
        yield


def values_of(layer):
    """Rows of all ops with positive statistics, images, weights of a loss: float64."""
    rng = np.random.default_rng(0)
    params, stats = initial_rows(layer, jax.random.key(0))
    params = rng.standard_normal(params.shape)
    stats = rng.uniform(0.5, 1.0, stats.shape)
    images = rng.standard_normal((3, 6, 5, layer.in_features))
    return params, stats, images


def value_and_gradients(apply, params, stats, images):
    """Output, statistics, and the gradients of a weighted sum of the output."""

    def loss(params, images):
        output, new_stats = apply(params, stats, images)
        weights = jnp.cos(jnp.arange(output.size)).reshape(output.shape)
        return jnp.sum(output * weights), (output, new_stats)

    gradients, (output, new_stats) = jax.grad(loss, (0, 1), has_aux=True)(
        params, images
    )
    return {"output": output, "stats": new_stats, "gradients": gradients}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_padded_layer_is_the_op_that_is_chosen(name, mode):
    """Outputs, statistics, gradients; rows beyond the op's own get no gradient."""
    layer = LAYERS[name]
    body = padded_layer(layer)
    params, stats, images = values_of(layer)

    @jax.jit
    def run(op, params, stats, images):
        apply = functools.partial(body.apply, mode, op)
        return value_and_gradients(apply, params, stats, images)

    for index, template in enumerate(body.templates):
        alone = jax.jit(
            functools.partial(
                value_and_gradients, functools.partial(template.apply, mode)
            )
        )
        wanted = alone(params[index], stats[index], images)
        got = run(index, params[index], stats[index], images)
        jax.tree.map(assert_close, got, wanted)


def assert_close(got, want):
    assert got.shape == want.shape
    scale = max(np.abs(want).max(initial=0.0), 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6 * scale)
