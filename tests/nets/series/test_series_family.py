"""Separable blocks over time as one padded body: each op as it is alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import force_implementation
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.padding import FamilyOps, OneOp, padded_layer
from qnas_jax.spaces import Layer, op

PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


def separable(name, **options):
    return op(name, "series_separable", **options)


CASES = {
    # Dilation is data: the longest kernel has 9 taps, that of 3 with two between each.
    "kernels, dilations, expansions": (
        separable("a", kernel=3, dilation=4, expansion=2),
        separable("b", kernel=5),
        separable("c", kernel=1, expansion=3, attention="se"),
        op("skip", "series_skip"),
        op("max", "series_pool", pooling="max"),
    ),
    "one dilation": (
        separable("a", kernel=3, dilation=2, attention="eca"),
        separable("b", kernel=5, dilation=2),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_padded_layer_is_the_op_that_is_chosen(name):
    """Output, statistics, gradients of each op alone, in float64."""
    with jax.enable_x64(True), force_implementation("reference"):
        layer = Layer(4, 6, 2, CASES[name])
        body = padded_layer(layer)
        kinds = [FamilyOps, *[OneOp] * (len(layer.ops) - 3)]
        assert [type(part) for part in body.parts] == kinds
        rng = np.random.default_rng(0)
        params, stats = initial_rows(layer, jax.random.key(0))
        params = rng.standard_normal(params.shape)
        stats = rng.uniform(0.5, 1.0, stats.shape)
        series = rng.standard_normal((3, 11, 4))

        def gradients(run, params, stats, series):
            def loss(params, series):
                output, new = run(params, stats, series)
                weights = jnp.cos(jnp.arange(output.size)).reshape(output.shape)
                return jnp.sum(output * weights), (output, new)

            return jax.grad(loss, (0, 1), has_aux=True)(params, series)

        @functools.partial(jax.jit, compiler_options=PLAIN)
        def padded(op, *rows):
            return gradients(functools.partial(body.run, "train", op), *rows)

        for index, template in enumerate(body.templates):
            run = functools.partial(template.apply, "train")
            alone = functools.partial(gradients, run)
            rows = params[index], stats[index], series
            jax.tree.map(
                functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9),
                padded(index, *rows),
                jax.jit(alone, compiler_options=PLAIN)(*rows),
            )
