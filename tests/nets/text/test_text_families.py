"""Convolutions and attention of text as padded bodies: each op as it is alone."""

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


def convs(*kernels, **options):
    return tuple(
        op(f"k{kernel}", "text_conv", kernel=kernel, **options) for kernel in kernels
    )


def attentions(*heads, **options):
    return tuple(op(f"h{h}", "text_attention", heads=h, **options) for h in heads)


# Layers of 7 features and the mask: 8 channels for 1, 2 and 4 heads.
CASES = {
    "both sides": (convs(1, 5, 3), [FamilyOps]),
    "even": (convs(3, 4), [FamilyOps, OneOp]),
    "causal": (
        convs(2, 5, 3, causal=True) + attentions(4, 1, 2, causal=True),
        [FamilyOps, FamilyOps],
    ),
    "heads": (attentions(2, 1), [FamilyOps]),
    "equal heads": (attentions(2) + convs(3), [FamilyOps, FamilyOps]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_padded_layer_is_the_op_that_is_chosen(name):
    """Output and gradients of each op alone, in float64."""
    ops, kinds = CASES[name]
    with jax.enable_x64(True), force_implementation("reference"):
        layer = Layer(8, 8, 1, ops)
        body = padded_layer(layer)
        assert [type(part) for part in body.parts] == kinds
        rng = np.random.default_rng(0)
        params, stats = initial_rows(layer, jax.random.key(0))
        params = rng.standard_normal(params.shape)
        stats = np.zeros(stats.shape)
        values = rng.standard_normal((2, 6, 8))
        values[..., -1] = np.arange(6) < np.array([[6], [4]])

        def gradients(run, params, stats, values):
            def loss(params, values):
                output, new = run(params, stats, values)
                weights = jnp.cos(jnp.arange(output.size)).reshape(output.shape)
                return jnp.sum(output * weights), output

            return jax.grad(loss, (0, 1), has_aux=True)(params, values)

        @functools.partial(jax.jit, compiler_options=PLAIN)
        def padded(op, *rows):
            return gradients(functools.partial(body.run, "train", op), *rows)

        for index, template in enumerate(body.templates):
            alone = functools.partial(
                gradients, functools.partial(template.apply, "train")
            )
            rows = params[index], stats[index], values
            jax.tree.map(
                functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9),
                padded(index, *rows),
                jax.jit(alone, compiler_options=PLAIN)(*rows),
            )
