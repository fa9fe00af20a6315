"""A layer as one padded body against each of its ops, run alone on the same rows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.kernels import force_implementation
from qnas_jax.nets.costs import costs_of_layer
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.layers import SqueezeExcite
from qnas_jax.nets.padding import padded_layer
from qnas_jax.spaces import Layer, op

BLOCKS = (
    op("mb1", "mbconv", kernel=3, expansion=1),
    op("mb2_k5_se", "mbconv", kernel=5, expansion=2, attention="se"),
    op("mb3_k3_eca", "mbconv", kernel=3, expansion=3, attention="eca"),
    op("mb2_g2", "mbconv", kernel=3, expansion=2, groups=2, activation="relu"),
)
LAYERS = {
    "same shape": Layer(4, 4, 1, (*BLOCKS, op("skip", "skip"))),
    "stride and shortcut": Layer(4, 6, 2, (BLOCKS[1], op("skip", "skip"))),
    "wider, no stride": Layer(4, 6, 1, (BLOCKS[2], op("identity", "projection"))),
    "a stranger": Layer(4, 8, 2, (BLOCKS[0], op("shuffle", "shuffle", kernel=3))),
}


# Little is optimised: compiling takes nearly all of the time.
PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@pytest.fixture
def double_precision():
    """Rounding does not hide, nor make, a difference; convolutions by the library.

    (In float32 a value near a kink of an activation may fall to its other side in one
    of the two forms, and has another gradient then.)
    """
    with jax.enable_x64(True), force_implementation("reference"):
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


def run_all(body, mode, values, compute):
    """What `compute` finds for each op, by the padded body and alone."""
    params, stats, images = values

    @functools.partial(jax.jit, compiler_options=PLAIN)
    def padded(op, params, stats, images):
        return compute(functools.partial(body.run, mode, op), params, stats, images)

    for index, template in enumerate(body.templates):
        apply = functools.partial(template.apply, mode)
        alone = jax.jit(functools.partial(compute, apply), compiler_options=PLAIN)
        rows = params[index], stats[index], images
        yield padded(index, *rows), alone(*rows)


@pytest.mark.slow
@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("name", LAYERS)
def test_a_padded_layer_is_the_op_that_is_chosen(name):
    """Outputs, statistics, gradients; rows beyond the op's own get no gradient."""
    body = padded_layer(LAYERS[name])
    pairs = run_all(body, "train", values_of(LAYERS[name]), value_and_gradients)
    for got, wanted in pairs:
        jax.tree.map(assert_close, got, wanted)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(
    ("name", "mode"), [("same shape", "batch"), ("a stranger", "running")]
)
def test_outputs_and_statistics_in_other_modes(name, mode):
    body = padded_layer(LAYERS[name])
    values = values_of(LAYERS[name])
    for got, wanted in run_all(body, mode, values, lambda apply, *rows: apply(*rows)):
        jax.tree.map(assert_close, got, wanted)


def test_building_a_padded_layer_leaves_its_ops_as_they_are():
    """Positions are written into copies: what is counted later has float kernels."""
    layer = Layer(4, 5, 1, BLOCKS[1:2])  # of no other test: nothing is cached yet
    padded_layer(layer)
    (costs,), shape = costs_of_layer(layer, (6, 5, 4), "layer")
    squeeze = SqueezeExcite(8, rngs=nnx.Rngs(0)).squeeze.kernel.size
    pixels = 4 * 8 + 25 * 8 + 8 * 5  # expansion, depth-wise, projection
    assert costs.macs == 6 * 5 * pixels + 2 * squeeze
    assert shape == (6, 5, 5)


def assert_close(got, want):
    assert got.shape == want.shape
    scale = max(np.abs(want).max(initial=0.0), 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6 * scale)
