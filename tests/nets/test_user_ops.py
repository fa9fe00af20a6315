"""A user's own op and space, and what an op must not do."""

import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.nets import (
    ChainSubnet,
    build_supernet,
    count_macs,
    non_finite_ops,
    put_path,
    register_op,
    set_mode,
    take_path,
)
from qnas_jax.spaces import (
    SPACES,
    Layer,
    NetworkSpace,
    SpaceOptions,
    arch_to_string,
    build_space,
    fixed,
    op,
    parse_arch,
)

USER_FILE = '''
"""A space of a user: dense layers on flat images, with an op of their own."""

import jax
from flax import nnx

from qnas_jax.nets import register_op
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op, register_space

SLOPE = 0.1


class Dense(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, hidden=0, rngs):
        widths = [in_features, hidden, out_features] if hidden else [
            in_features, out_features]
        self.parts = nnx.List(
            nnx.Linear(a, b, rngs=rngs) for a, b in zip(widths, widths[1:]))
        self.norm = nnx.BatchNorm(out_features, rngs=rngs)

    def __call__(self, values):
        for part in self.parts:
            values = jax.nn.leaky_relu(part(values), SLOPE)
        return self.norm(values)


class Flatten(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        pass

    def __call__(self, images):
        return images.mean((1, 2))


def space(input_shape, num_classes):
    ops = (op("flat", "dense"), op("deep", "dense", hidden=7))
    features = input_shape[-1]
    return NetworkSpace(
        name="mine",
        layers=(Layer(features, 4, 1, ops), Layer(4, 4, 1, (*ops, op("id", "skip")))),
        stem=(fixed(features, features, 1, "flatten"),),
        head=(fixed(4, num_classes, 1, "classifier"),),
        input_shape=input_shape,
        num_classes=num_classes,
    )


register_op("dense", Dense)
register_op("flatten", Flatten)
register_space("mine", space)
'''


@pytest.fixture
def spaces_registry():
    before = dict(SPACES)
    yield SPACES
    SPACES.clear()
    SPACES.update(before)


@pytest.mark.usefixtures("ops_registry", "spaces_registry")
def test_a_space_file_goes_all_the_way(tmp_path):
    """Build, count, initialise, run, train a step, cut out: from one Python file."""
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(USER_FILE))
    options = SpaceOptions(name="mine", file=str(path))
    space = build_space(options, (5, 5, 6), 3)
    assert build_space(options, (5, 5, 6), 3) == space  # a file may be run again
    assert space.num_ops == (2, 3)
    supernet = build_supernet(space)
    table = supernet.cost_table()
    # Linear layers with bias, normalisation of the 4 outputs.
    flat, deep = 6 * 4 + 4 + 8, 6 * 7 + 7 + 7 * 4 + 4 + 8
    assert table.by_op["params"].tolist() == [
        [flat, deep, 0],
        [4 * 4 + 4 + 8, 4 * 7 + 7 + 7 * 4 + 4 + 8, 0],
    ]
    assert table.by_op["macs"].tolist() == [[24, 42 + 28, 0], [16, 28 + 28, 0]]
    assert (table.fixed["params"], table.fixed["macs"]) == (4 * 3 + 3, 12)
    arch = parse_arch(space, "deep|id")
    assert arch.tolist() == [1, 2] and arch_to_string(space, arch) == "deep|id"
    records = supernet.describe_arch(arch)
    assert [record["params"] for record in records] == [0, deep, 0, 15]

    params, stats = supernet.init(jax.random.key(0))
    images = np.random.default_rng(0).standard_normal((8, 5, 5, 6), dtype=np.float32)
    index = jnp.asarray(arch)

    def loss(path):
        logits, new_stats = supernet.apply(
            path, take_path(stats, index), index, images, mode="train"
        )
        return -jnp.mean(jax.nn.log_softmax(logits)[:, 0]), new_stats

    path = take_path(params, index)
    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (before, new_stats), gradient = step(path)
    stepped = jax.tree.map(lambda value, slope: value - 0.1 * slope, path, gradient)
    assert step(stepped)[0][0] < before
    params, stats = (
        put_path(params, index, stepped),
        put_path(stats, index, new_stats),
    )
    subnet = supernet.cut(params, stats, arch)
    set_mode(subnet, "running")
    logits, _ = supernet.apply(
        take_path(params, index), take_path(stats, index), index, images, mode="running"
    )
    np.testing.assert_allclose(subnet(images), logits, rtol=1e-5, atol=1e-6)


class Scale(nnx.Module):
    """Multiplies each channel: the smallest op with a weight."""

    def __init__(self, in_features, out_features, stride, *, rngs):
        self.weight = nnx.Param(jnp.ones(in_features))

    def __call__(self, images):
        return images * self.weight[...][None, None, None]


class TwoMatrices(nnx.Module):
    """Something else under the same name."""

    def __init__(self, in_features, out_features, stride, *, rngs):
        self.first = nnx.Linear(in_features, 9, use_bias=False, rngs=rngs)
        self.second = nnx.Linear(9, out_features, use_bias=False, rngs=rngs)

    def __call__(self, images):
        return self.second(self.first(images))


def space_of(*ops):
    return NetworkSpace(
        name="user",
        layers=(Layer(4, 4, 1, ops),),
        stem=(),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 2, 1, "classifier")),
        input_shape=(4, 4, 4),
        num_classes=2,
    )


def test_an_op_in_two_lines(ops_registry):
    register_op("scale", Scale)
    space = space_of(op("scale", "scale"), op("skip", "skip"))
    supernet = build_supernet(space)
    table = supernet.cost_table()
    assert table.by_op["params"].tolist() == [[4, 0]]
    assert table.by_op["macs"].tolist() == [[0, 0]]
    params, _ = supernet.init(jax.random.key(0))
    np.testing.assert_array_equal(params["layers"][0], [[1] * 4, [0] * 4])
    subnet = ChainSubnet(space, [0], rngs=nnx.Rngs(0))
    assert subnet(jnp.ones((1, 4, 4, 4))).shape == (1, 2)


def test_an_op_may_be_registered_anew(ops_registry):
    """As in a notebook: nothing of the first one is left in a cache."""
    space = space_of(op("mine", "mine"))
    register_op("mine", Scale)
    assert build_supernet(space).cost_table().by_op["params"].tolist() == [[4]]
    params, _ = build_supernet(space).init(jax.random.key(0))
    assert params["layers"][0].shape == (1, 4)
    register_op("mine", TwoMatrices)
    assert build_supernet(space).cost_table().by_op["params"].tolist() == [[72]]
    assert build_supernet(space).cost_table().by_op["macs"].tolist() == [[16 * 72]]
    params, stats = build_supernet(space).init(jax.random.key(0))
    assert params["layers"][0].shape == (1, 72)
    images = jnp.ones((1, 4, 4, 4))
    assert build_supernet(space).cut(params, stats, [0])(images).shape == (1, 2)


def test_built_in_ops_keep_their_names():
    with pytest.raises(ValueError, match="op kind 'mbconv': a built-in op; choose"):
        register_op("mbconv", Scale)


class Dropout(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, images):
        return self.dropout(images)


class Constant(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.table = jnp.ones(3)

    def __call__(self, images):
        return images


class Nested(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.inner = Constant(in_features, out_features, stride, rngs=rngs)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            Dropout,
            r"op 'x': got the state dropout.rngs.count \(RngCount\), dropout.rngs.key "
            r"\(RngKey\), expected nnx.Param and nnx.BatchStat only",
        ),
        (
            Constant,
            "op 'x': got a plain array in the attribute table, expected nnx.Par",
        ),
        (Nested, "op 'x': got a plain array in the attribute inner.table, expected"),
    ],
)
def test_foreign_state_is_named_in_one_line(ops_registry, module, message):
    register_op("foreign", module)
    with pytest.raises(ValueError, match=message) as caught:
        build_supernet(space_of(op("x", "foreign"), op("skip", "skip")))
    assert "\n" not in str(caught.value)


def test_an_unknown_kind_lists_the_known_ones(ops_registry):
    register_op("scale", Scale)
    with pytest.raises(ValueError, match="op 'x': got kind 'scael', .* scale .see reg"):
        build_supernet(space_of(op("x", "scael")))


def test_macs_of_a_function_of_ones_own():
    def attention(values):
        weights = jax.nn.softmax(values @ values.T)
        return weights @ values

    values = jax.ShapeDtypeStruct((10, 3), jnp.float32)
    assert count_macs(attention, values) == 2 * 10 * 10 * 3


class Root(nnx.Module):
    """Its values are finite where they are not negative, its slope not at 0."""

    def __init__(self, in_features, out_features, stride, *, lift, rngs):
        self.lift = lift

    def __call__(self, images):
        return jnp.sqrt(images + self.lift)


def test_ops_that_are_not_finite_by_themselves_are_named(ops_registry):
    register_op("root", Root)
    roots = (op("below", "root", lift=-1.0), op("at", "root", lift=0.0))
    space = NetworkSpace(
        name="user",
        layers=(
            Layer(4, 4, 1, (op("skip", "skip"), *roots)),
            Layer(4, 4, 1, (op("above", "root", lift=1.0), roots[1])),
        ),
        stem=(),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 2, 1, "classifier")),
        input_shape=(4, 4, 4),
        num_classes=2,
    )
    images = jnp.zeros((2, 4, 4, 4))
    expected = [
        "op 'below' of layer 0",  # NaN forward
        "op 'at' of layer 0",  # an infinite slope
        "op 'at' of layer 1",
    ]
    assert non_finite_ops(space, images, jax.random.key(0)) == expected
    assert non_finite_ops(space, images + 2, jax.random.key(0)) == []
    # Nothing finite leaves the first layer, so that nothing is said of the next.
    assert non_finite_ops(space_of(roots[0]), images, jax.random.key(0)) == expected[:1]
