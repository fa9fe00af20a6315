"""The plain second implementation of each op against the op, with folded weights."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.benches.exports import random_weights
from qnas_jax.export.standalone import (
    blocks,
    cells,
    hand_made,
    series,
    series_hand_made,
    text,
    text_heads,
    text_lstm,
)
from qnas_jax.export.weights import block_weights
from qnas_jax.nets import OPS, set_mode
from qnas_jax.nets.ops import BUILT_IN
from qnas_jax.nets.series import SERIES_OPS
from qnas_jax.nets.text import TEXT_OPS

# (kind, channels in, out, stride, options): every branch of every op.
CASES = [
    ("conv", 3, 8, 1, {}),
    ("conv", 3, 8, 2, {"kernel": 5, "activation": "relu"}),
    ("conv", 4, 6, 1, {"kernel": 1, "activation": "none"}),
    ("conv", 4, 6, 2, {"kernel": 1}),
    ("mbconv", 8, 8, 1, {"kernel": 3, "expansion": 1}),
    ("mbconv", 8, 8, 1, {"kernel": 5, "expansion": 3, "groups": 2}),
    ("mbconv", 8, 12, 2, {"kernel": 3, "expansion": 2, "attention": "se"}),
    ("mbconv", 8, 8, 1, {"attention": "eca", "activation": "relu"}),
    ("skip", 8, 8, 1, {}),
    ("skip", 8, 12, 2, {}),
    ("projection", 8, 8, 1, {}),
    ("projection", 8, 12, 2, {}),
    ("shuffle", 8, 8, 1, {"kernel": 5}),
    ("shuffle", 8, 20, 2, {"kernel": 3}),
    ("shuffle_xception", 8, 8, 1, {}),
    ("shuffle_xception", 8, 20, 2, {}),
    ("global_average", 8, 8, 1, {}),
    ("classifier", 8, 5, 1, {}),
    ("zero", 8, 8, 1, {}),
    ("average_pool", 8, 8, 1, {}),
    ("relu_conv", 8, 8, 1, {"kernel": 1}),
    ("relu_conv", 3, 8, 1, {"activated": False}),
    ("residual_reduction", 8, 16, 2, {}),
    ("norm_relu", 8, 8, 1, {}),
    ("linear", 8, 5, 1, {}),
    ("convolution", 3, 8, 2, {"kernel": 5}),
    ("basic_block", 8, 8, 1, {}),
    ("basic_block", 8, 11, 2, {}),
    ("dense_layer", 8, 12, 1, {}),
    ("transition", 8, 4, 2, {}),
    ("series_conv", 3, 8, 1, {"kernel": 5, "dilation": 2}),
    ("series_conv", 3, 8, 2, {"activation": "none"}),
    ("series_separable", 8, 8, 1, {"kernel": 7, "dilation": 2, "activation": "relu6"}),
    ("series_separable", 8, 12, 2, {"expansion": 2, "attention": "se"}),
    ("series_inception", 8, 12, 2, {"kernel": 9}),
    ("series_pool", 8, 8, 1, {}),
    ("series_pool", 8, 12, 2, {"pooling": "max"}),
    ("series_recurrence", 8, 8, 1, {}),
    ("series_recurrence", 8, 12, 2, {"backwards": True}),
    ("series_skip", 8, 8, 1, {}),
    ("series_skip", 8, 12, 2, {}),
    ("series_conv", 3, 8, 1, {"kernel": 8}),
    ("series_inception", 1, 12, 1, {"kernel": 40}),
    ("series_residual", 8, 8, 1, {}),
    ("series_residual", 3, 8, 1, {}),
    ("series_inception_residual", 1, 8, 1, {}),
    ("text_embedding", 2, 8, 1, {"words": 300}),
    ("text_embedding", 2, 8, 1, {"words": 300, "positions": 0.5}),
    ("text_conv", 8, 8, 1, {"kernel": 5}),
    ("text_conv", 8, 8, 1, {"kernel": 4, "causal": True}),
    ("text_recurrence", 8, 8, 1, {}),
    ("text_recurrence", 8, 8, 1, {"backwards": True}),
    ("text_attention", 8, 8, 1, {"heads": 4}),
    ("text_attention", 8, 8, 1, {"heads": 2, "causal": True}),
    ("text_feed_forward", 8, 8, 1, {"expansion": 3}),
    ("text_skip", 8, 8, 1, {}),
    ("text_average", 8, 8, 1, {}),
    ("text_pool", 8, 8, 1, {}),
    ("text_pool", 8, 8, 1, {"pooling": "root"}),
    ("text_pool", 8, 8, 1, {"pooling": "max"}),
    ("text_logits", 8, 5, 1, {}),
    ("text_lstm", 8, 6, 1, {}),
    ("text_lstm", 8, 8, 1, {"both": True}),
]


def stand_alone(kind):
    name = OPS[kind].__name__
    of_text = (text, text_heads, text_lstm)
    files = (blocks, cells, hand_made, series, series_hand_made, *of_text)
    return next(getattr(file, name) for file in files if hasattr(file, name))


def test_every_built_in_op_has_a_case():
    assert {kind for kind, *_ in CASES} == BUILT_IN


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_arguments_are_those_of_the_op(kind):
    own, ours = (
        [
            (each.name, each.default, each.kind)
            for each in inspect.signature(made.__init__).parameters.values()
        ]
        for made in (stand_alone(kind), OPS[kind])
    )
    assert own == ours


@pytest.mark.parametrize(
    ("variance", "factor"), [(4 - 1e-5, 1.0), (0.0, 2 / 1e-5**0.5)]
)
def test_normalisation_is_folded_as_computed_by_hand(variance, factor):
    op = OPS["conv"](1, 1, 1, kernel=1, activation="none", rngs=nnx.Rngs(0))
    op.conv.kernel[...] = jnp.full((1, 1, 1), 5.0)
    for name, value in (("scale", 2), ("bias", 1), ("mean", 3), ("var", variance)):
        getattr(op.norm, name)[...] = jnp.full(1, value, jnp.float32)
    found = block_weights(op)  # 2 (5 x - 3) / sqrt(variance + 1e-5) + 1
    assert found["conv.kernel"].item() == pytest.approx(5 * factor, rel=1e-5)
    assert found["conv.bias"].item() == pytest.approx(1 - 3 * factor, rel=1e-5)


def some_inputs(kind, channels):
    """Examples for the op, and for its stand-alone form."""
    key = jax.random.key(3)
    if kind in TEXT_OPS:  # sentences of 11, 6 and 1 words, and one without any
        there = np.arange(11) < np.array([[11], [6], [1], [0]])
        if kind == "text_embedding":  # the last numbers stand for no word of the 300
            numbers = jax.random.randint(key, (4, 11), 1, 310) * there
            return jnp.stack(jnp.divmod(numbers, 256), axis=-1) * 1.0, numbers
        features = jax.random.normal(key, (4, 11, channels - 1)) * there[..., None]
        pair = features, jnp.asarray(there[..., None])
        return jnp.concatenate(pair, axis=-1), pair
    vectors = kind in ("classifier", "linear")
    between = () if vectors else (11,) if kind in SERIES_OPS else (6, 4)
    images = jax.random.normal(key, (2, *between, channels))
    return images, images


@pytest.mark.parametrize(("kind", "inputs", "outputs", "stride", "options"), CASES)
def test_a_block_computes_what_the_op_does(kind, inputs, outputs, stride, options):
    rng = np.random.default_rng(7)

    def make(module):
        return nnx.eval_shape(
            lambda: module(inputs, outputs, stride, rngs=nnx.Rngs(0), **options)
        )

    op = random_weights(make(OPS[kind]), rng)
    set_mode(op, "running")
    found = block_weights(op)
    graph, shapes = nnx.split(make(stand_alone(kind)))
    places = nnx.to_flat_state(shapes)
    assert {".".join(map(str, path)) for path, _ in places} == found.keys()
    filled = []
    for path, variable in places:
        values = found[".".join(map(str, path))]
        assert values.shape == variable.shape
        filled.append((path, variable.replace(jnp.asarray(values, jnp.float32))))
    block = nnx.merge(graph, nnx.from_flat_state(filled))
    given, plain = some_inputs(kind, inputs)
    expected = np.asarray(op(given))
    found = block(plain)
    if isinstance(found, tuple):
        found = jnp.concatenate(found, axis=-1)
    np.testing.assert_allclose(np.asarray(found), expected, atol=2e-5)
    assert kind == "zero" or np.ptp(expected) > 0.1
