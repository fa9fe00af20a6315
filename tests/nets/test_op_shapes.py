"""An op that makes other shapes than its layer: named in one line, with both shapes."""

import jax.numpy as jnp
import pytest
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets import OPS, build_supernet
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.spaces.registry import SPACES


class Given(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.features = out_features


class OtherKernel(Given):
    def __init__(self, in_features, out_features, stride, *, rngs):
        super().__init__(in_features, out_features, stride, rngs=rngs)
        self.kernel = nnx.Param(jnp.zeros((in_features + 1, out_features)))

    def __call__(self, inputs):
        return inputs @ self.kernel[...]


class OneFeature(Given):
    def __call__(self, inputs):
        return inputs[..., :1]


class HalfAsLong(Given):
    def __call__(self, inputs):
        return inputs[:, ::2]


class NoBatch(Given):
    def __call__(self, inputs):
        return inputs[0]


class Two(Given):
    def __call__(self, inputs):
        return inputs, inputs


@pytest.fixture(autouse=True)
def ops(monkeypatch):
    for each in (OtherKernel, OneFeature, HalfAsLong, NoBatch, Two):
        monkeypatch.setitem(OPS, each.__name__, each)


def images(*candidates):
    plain = op("plain", "mbconv", kernel=3, expansion=2)
    return NetworkSpace(
        "mine",
        (8, 8, 1),
        10,
        layers=(Layer(8, 8, 1, (plain,)), Layer(8, 8, 1, (plain, *candidates))),
        stem=(fixed(1, 8, 1, "conv", kernel=3),),
        head=(fixed(8, 8, 1, "global_average"), fixed(8, 10, 1, "classifier")),
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "OtherKernel",
            r"TypeError: .*\(8,\) and \(9,\); its input is \[8, 8, 8\], its",
        ),
        (
            "OneFeature",
            r"makes \[8, 8, 1\] of an input \[8, 8, 8\].*\[8, 8, 8\], of out",
        ),
        ("HalfAsLong", r"makes \[4, 8, 8\] of .* expected \[8, 8, 8\], as op 'plain'"),
        ("NoBatch", r"got an output \[8, 8, 8\] for a batch of one, expected one"),
        ("Two", r"got an output \[1, 8, 8, 8\] and \[1, 8, 8, 8\] for a batch"),
    ],
)
def test_images(kind, message):
    with pytest.raises(UserError, match=message) as caught:
        build_supernet(images(op("bad", kind))).cost_table()
    line = str(caught.value)
    assert line.startswith("space 'mine', block 2 (stem first), op 'bad': ")
    assert "\n" not in line


def test_an_op_that_is_alone_is_held_against_its_layer():
    space = images()
    layers = (Layer(8, 8, 1, (op("bad", "OneFeature"),)), space.layers[1])
    with pytest.raises(UserError, match="block 1 .*'bad': makes .*out_features=8"):
        build_supernet(
            NetworkSpace(
                "mine", (8, 8, 1), 10, layers=layers, stem=space.stem, head=space.head
            )
        ).cost_table()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("series_tiny", ((32, 2), 3)), ("text_tiny", ((16, 2), 3, 50))],
)
def test_series_and_text(name, arguments):
    space = SPACES[name](*arguments)
    first = space.layers[0]
    bad = Layer(
        first.in_features,
        first.out_features,
        first.stride,
        (*first.ops, op("bad", "OneFeature")),
    )
    space = NetworkSpace(
        "mine",
        space.input_shape,
        space.num_classes,
        layers=(bad, *space.layers[1:]),
        stem=space.stem,
        head=space.head,
    )
    with pytest.raises(UserError, match=r"op 'bad': makes \[\d+, 1\] of an input \["):
        build_supernet(space).cost_table()
