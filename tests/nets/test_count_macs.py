"""Counted multiply-accumulates against numbers by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from qnas_jax.kernels import depthwise_conv
from qnas_jax.nets import build_op, build_supernet, count_macs, set_mode
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op


def shapes(*each):
    return [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in each]


def conv(images, kernel, stride=1, groups=1):
    pad = kernel.shape[0] // 2
    return lax.conv_general_dilated(
        images,
        kernel,
        (stride, stride),
        ((pad, pad), (pad, pad)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def product(left, right):
    return left @ right


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (product, [(4, 5), (5, 6)], 4 * 5 * 6),
        (jnp.dot, [(2, 3, 3, 5), (5, 7)], 2 * 3 * 3 * 5 * 7),
        (product, [(8, 4, 5), (8, 5, 6)], 8 * 4 * 5 * 6),
        (jax.vmap(product), [(8, 4, 5), (8, 5, 6)], 8 * 4 * 5 * 6),
        (
            functools.partial(jnp.einsum, "pgi,gio->pgo"),
            [(49, 2, 3), (2, 3, 4)],
            49 * 2 * 3 * 4,
        ),
        (jnp.vdot, [(7,), (7,)], 7),
        (conv, [(1, 10, 10, 8), (3, 3, 8, 16)], 100 * 16 * 9 * 8),
        (functools.partial(conv, stride=2), [(1, 9, 9, 8), (3, 3, 8, 16)], 25 * 1152),
        # Grouped: each of the 16 outputs sees 8 / 4 inputs.
        (
            functools.partial(conv, groups=4),
            [(2, 10, 10, 8), (3, 3, 2, 16)],
            2 * 100 * 16 * 9 * 2,
        ),
        # Depth-wise: one input each.
        (functools.partial(conv, groups=8), [(1, 6, 6, 8), (5, 5, 1, 8)], 36 * 8 * 25),
        (depthwise_conv, [(1, 6, 6, 8), (5, 5, 8)], 36 * 8 * 25),
        (
            functools.partial(depthwise_conv, stride=2),
            [(1, 7, 7, 8), (3, 3, 8)],
            16 * 8 * 9,
        ),
        (
            functools.partial(depthwise_conv, implementation="shifted"),
            [(1, 6, 6, 8), (5, 5, 8)],
            36 * 8 * 25,
        ),
    ],
)
def test_products_by_hand(function, arguments, expected):
    assert count_macs(function, *shapes(*arguments)) == expected


def test_other_layouts_of_a_convolution():
    def nchw(images, kernel):
        return lax.conv(images, kernel, (1, 1), "SAME")

    def one_dimension(values, kernel):
        return lax.conv_general_dilated(
            values, kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        )

    assert count_macs(nchw, *shapes((1, 3, 5, 5), (8, 3, 3, 3))) == 25 * 8 * 27
    # Attention over 24 channels by 3 taps.
    assert count_macs(one_dimension, *shapes((1, 24, 1), (3, 1, 1))) == 24 * 3


def test_only_products_count():
    def run(values):
        return jax.nn.relu6(values * 2 + values).sum() + jnp.exp(values).mean()

    assert count_macs(run, *shapes((100, 100))) == 0


def test_bodies_of_loops_count_as_often_as_they_run():
    def scan(start, matrix):
        return lax.scan(lambda x, _: (x @ matrix, None), start, None, length=7)

    def nested(start, matrix):
        return lax.scan(lambda x, _: (scan(x, matrix)[0], None), start, None, length=3)

    def loop(start, matrix):
        return lax.fori_loop(0, 5, lambda _, x: x @ matrix, start)

    def mapped(rows, matrix):
        return lax.map(lambda row: row @ matrix, rows)

    both = shapes((4, 6), (6, 6))
    once = 4 * 6 * 6
    assert count_macs(scan, *both) == 7 * once
    assert count_macs(nested, *both) == 21 * once
    assert count_macs(loop, *both) == 5 * once
    assert count_macs(mapped, *both) == once


def test_of_branches_the_largest_counts():
    def run(index, left, right):
        branches = [lambda a, b: a, lambda a, b: a @ b, lambda a, b: a @ b @ b]
        return lax.switch(index, branches, left, right)

    index = jax.ShapeDtypeStruct((), jnp.int32)
    assert count_macs(run, index, *shapes((4, 6), (6, 6))) == 2 * 4 * 6 * 6


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, jax.vmap])
def test_wrapped_functions_are_looked_into(wrap):
    matrices = shapes((3, 4, 5), (3, 5, 6))
    assert count_macs(wrap(product), *matrices) == 3 * 4 * 5 * 6


def test_functions_with_their_own_derivative_are_looked_into():
    forward = jax.custom_vjp(product)
    forward.defvjp(lambda a, b: (a @ b, (a, b)), lambda saved, g: saved)
    derived = jax.custom_jvp(product)
    derived.defjvp(lambda primals, tangents: (primals[0] @ primals[1],) * 2)
    for function in (forward, derived):
        assert count_macs(function, *shapes((4, 5), (5, 6))) == 120


def mbconv_cost(
    height, width, fan_in, out, stride, kernel, expansion, attention, groups
):
    """Parameters and products of an inverted residual block, written out."""
    hidden = fan_in * expansion
    params = macs = 0
    if expansion > 1:
        params += fan_in * hidden // groups + 2 * hidden
        macs += height * width * fan_in * hidden // groups
    rows, columns = -(-height // stride), -(-width // stride)
    params += kernel**2 * hidden + 2 * hidden
    macs += rows * columns * kernel**2 * hidden
    if attention == "se":
        squeezed = hidden // 4
        params += 2 * hidden * squeezed + hidden + squeezed
        macs += 2 * hidden * squeezed
    if attention == "eca":
        params += 3
        macs += 3 * hidden
    params += hidden * out // groups + 2 * out
    macs += rows * columns * hidden * out // groups
    return params, macs


@pytest.mark.parametrize("fan_in_out_stride", [(8, 8, 1), (8, 12, 2)])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("expansion", [1, 3])
@pytest.mark.parametrize(
    ("attention", "groups"), [("none", 1), ("se", 1), ("eca", 1), ("none", 4)]
)
def test_inverted_residual_blocks(
    fan_in_out_stride, kernel, expansion, attention, groups
):
    fan_in, out, stride = fan_in_out_stride
    block = op(
        "mb",
        "mbconv",
        kernel=kernel,
        expansion=expansion,
        attention=attention,
        groups=groups,
    )
    layer = Layer(fan_in, out, stride, (block,))
    expected = mbconv_cost(
        9, 6, fan_in, out, stride, kernel, expansion, attention, groups
    )
    assert one_layer_cost(layer, (9, 6)) == expected


def one_layer_cost(layer, size):
    """Cost of the only op of a space of one layer, without the head."""
    head = (
        fixed(layer.out_features, layer.out_features, 1, "global_average"),
        fixed(layer.out_features, 2, 1, "classifier"),
    )
    space = NetworkSpace(
        name="one",
        layers=(layer,),
        stem=(),
        head=head,
        input_shape=(*size, layer.in_features),
        num_classes=2,
    )
    table = build_supernet(space).cost_table()
    assert table.fixed["params"] == 2 * layer.out_features + 2
    assert table.fixed["macs"] == 2 * layer.out_features
    return int(table.by_op["params"][0, 0]), int(table.by_op["macs"][0, 0])


def test_parameters_are_those_of_the_built_module(tiny_space):
    def num_params(layer, index):
        module = nnx.eval_shape(lambda: build_op(layer, index, nnx.Rngs(0)))
        leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
        return sum(leaf.size for leaf in leaves)

    table = build_supernet(tiny_space).cost_table()
    assert table.num_ops == (3, 2, 1)
    wanted = np.zeros((3, 3), int)
    for place, layer in enumerate(tiny_space.layers):
        for index in range(len(layer.ops)):
            wanted[place, index] = num_params(layer, index)
    np.testing.assert_array_equal(table.by_op["params"], wanted)
    ends = (*tiny_space.stem, *tiny_space.head)
    assert table.fixed["params"] == sum(num_params(block, 0) for block in ends)
    assert table.all_ops() == wanted.sum() + table.fixed["params"]
    macs = table.by_op["macs"]
    np.testing.assert_array_equal(macs[1:, 1:], [[macs[1, 1], 0], [0, 0]])


def test_products_do_not_depend_on_how_a_module_was_used_before():
    """A module that ran in its fast form is counted by its definition."""
    layer = Layer(4, 4, 1, (op("mb", "mbconv", kernel=3, expansion=1),))
    module = build_op(layer, 0, nnx.Rngs(0))
    set_mode(module, "running")
    images = jnp.ones((1, 6, 6, 4))
    jax.jit(module.__call__)(images)
    graphdef, state = nnx.split(module)
    counted = count_macs(lambda s, x: nnx.merge(graphdef, s)(x), state, images)
    assert counted == 36 * (9 * 4 + 16)


def test_an_architecture_in_numbers(tiny_space):
    table = build_supernet(tiny_space).cost_table()
    for arch in ([0, 0, 0], [1, 1, 0], [2, 0, 0]):
        records = build_supernet(tiny_space).describe_arch(arch)
        cost = table.cost(arch)
        assert sum(record["params"] for record in records) == cost["params"]
        assert sum(record["macs"] for record in records) == cost["macs"]
    roles = [record["role"] for record in records]
    assert roles == ["stem"] + ["layer"] * 3 + ["head"] * 3
    assert [r["layer"] for r in records if r["role"] == "layer"] == [0, 1, 2]
    assert [r["op"] for r in records] == [
        *("conv", "mb1_k5_g2", "projection", "mb2_eca"),
        *("conv", "global_average", "classifier"),
    ]
    assert [r["resolution"] for r in records] == [6, 6, 6, 3, 3, 3, 1]
    assert records[2] == {
        "role": "layer",
        "layer": 1,
        "op": "projection",
        "in_features": 4,
        "out_features": 8,
        "stride": 2,
        "resolution": 6,
        "params": 4 * 8 + 2 * 8,
        "macs": 9 * 4 * 8,
        # A product of 4 x 8 weights, and four vectors of a normalisation.
        "bytes_32": 4 * (4 * 8 + 4 * 8),
        "bytes_16": 2 * (4 * 8 + 4 * 8),
        "bytes_8": 4 * 8 + 4 * (4 * 8),
        "peak_bytes": 4 * (36 * 4 + 9 * 8),
    }


@pytest.mark.parametrize("arch", [[0, 0], [3, 0, 0], [0, -1, 0]])
def test_a_wrong_architecture_is_not_described(tiny_space, arch):
    with pytest.raises(ValueError, match="architecture: got"):
        build_supernet(tiny_space).describe_arch(arch)


def test_ops_of_a_layer_must_agree_on_their_output():
    """An average over the pixels cannot stand beside a convolution."""
    space = NetworkSpace(
        name="odd",
        layers=(Layer(4, 4, 1, (op("mb", "mbconv"), op("gap", "global_average"))),),
        stem=(),
        head=(fixed(4, 2, 1, "classifier"),),
        input_shape=(8, 8, 4),
        num_classes=2,
    )
    message = r"space 'odd', block 0 .*'gap': makes \[4\] .* \[8, 8, 4\], as op 'mb'"
    with pytest.raises(ValueError, match=message):
        build_supernet(space).cost_table()


def test_a_space_may_do_without_stem_and_head():
    space = NetworkSpace(
        name="bare",
        layers=(Layer(4, 2, 1, (op("a", "classifier"),)),),
        stem=(),
        head=(),
        input_shape=(4,),
        num_classes=2,
    )
    table = build_supernet(space).cost_table()
    assert (table.fixed["params"], table.fixed["macs"]) == (0, 0)
    assert {k: v.tolist() for k, v in table.cost([[0]]).items()} == {
        "params": [10],
        "macs": [8],
        "bytes_32": [4 * 10],
        "bytes_16": [2 * 10],
        "bytes_8": [8 + 4 * 2],
    }
    assert np.array_equal(table.largest(), [0])
