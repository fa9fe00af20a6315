"""Ops that join a family by what they declare, and those that must not."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.kernels import depthwise_conv, force_implementation
from qnas_jax.nets import Probe, build_supernet, probe_network, register_op, take_path
from qnas_jax.nets.families import Family, Member, Norms, norm_arrays
from qnas_jax.nets.families.rows import Block, Field, make_row_map, read_row, write_row
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.layers import Depthwise, batch_norm
from qnas_jax.nets.ops import MBConv
from qnas_jax.nets.padding import FamilyOps, LargestOp, OneOp, padded_layer
from qnas_jax.spaces import Layer, op

PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


class Blur(Family):
    """A user's family: depth-wise kernels of any size, normalised; doubled or not."""

    def apply(self, mode, op, params, stats, inputs):
        norm = Norms(mode, params, stats)
        values = norm("norm", depthwise_conv(inputs, params["kernel"]))
        return jnp.where(self.choice("doubled", op), 2.0, 1.0) * values, norm.found


class BlurOp(nnx.Module):
    """A user's op."""

    def __init__(
        self, in_features, out_features, stride, *, kernel=3, doubled=False, rngs
    ):
        self.conv = Depthwise(in_features, kernel, stride, rngs=rngs)
        self.norm = batch_norm(out_features, rngs)
        self.doubled = doubled

    def in_family(self):
        params, stats = norm_arrays("norm", self.norm)
        params["kernel"] = self.conv.kernel
        return Member(Blur, params, stats, {"doubled": self.doubled})

    def __call__(self, images):
        values = self.norm(self.conv(images))
        return 2 * values if self.doubled else values


class Sized(nnx.Module):
    """A user's op whose kernel and width may grow by zeros."""

    sizes = ("kernel", "width")

    def __init__(self, in_features, out_features, stride, *, kernel=3, width=1, rngs):
        self.widen = nnx.Param(jax.random.normal(rngs.params(), (in_features, width)))
        self.conv = Depthwise(width, kernel, stride, rngs=rngs)
        self.narrow = nnx.Param(jax.random.normal(rngs.params(), (width, out_features)))

    def __call__(self, images):
        values = self.conv(jax.nn.relu(images @ self.widen[...]))
        return values @ self.narrow[...]


class OtherSized(Sized):
    """Inherits `sizes`, computes something else: a mean over channels."""

    def __call__(self, images):
        values = self.conv(images @ self.widen[...])
        return values.mean(axis=-1, keepdims=True) + images


class WideMBConv(MBConv):
    """An inverted residual with other defaults only."""

    def __init__(self, *sizes, rngs):
        super().__init__(*sizes, kernel=5, expansion=3, rngs=rngs)


class NegativeMBConv(MBConv):
    """Inherits `in_family`, computes something else."""

    def pieces(self):
        return (*super().pieces(), nnx.Sequential(jnp.negative))


@pytest.fixture
def user_ops(ops_registry):
    for kind in (BlurOp, Sized, OtherSized, WideMBConv):
        register_op(kind.__name__, kind)


@pytest.fixture
def double_precision():
    with jax.enable_x64(True), force_implementation("reference"):
        yield


LAYERS = {
    "a family": (
        (
            op("a", "BlurOp", kernel=3),
            op("b", "BlurOp", kernel=5, doubled=True),
            op("skip", "skip"),
        ),
        [FamilyOps, OneOp],
        (0, 0, 1),
    ),
    "sizes": (
        (
            op("a", "Sized", kernel=5),
            op("b", "Sized", width=3),
            op("c", "OtherSized", width=2),
            op("d", "OtherSized", width=3),
        ),
        [LargestOp, OneOp, OneOp],
        (0, 0, 1, 2),
    ),
    "an inherited family": (
        (op("a", "mbconv", expansion=2), op("b", "WideMBConv")),
        [FamilyOps],
        (0, 0),
    ),
}


@pytest.mark.usefixtures("user_ops", "double_precision")
@pytest.mark.parametrize("name", LAYERS)
def test_a_padded_layer_is_the_op_that_is_chosen(name):
    """Output, statistics, gradients of each op alone, in float64."""
    ops, kinds, part_of = LAYERS[name]
    layer = Layer(4, 4, 1, ops)
    body = padded_layer(layer)
    assert [type(part) for part in body.parts] == kinds and body.part_of == part_of
    rng = np.random.default_rng(0)
    params, stats = initial_rows(layer, jax.random.key(0))
    params = rng.standard_normal(params.shape)
    stats = rng.uniform(0.5, 1.0, stats.shape)
    images = rng.standard_normal((3, 5, 6, 4))

    def gradients(run, params, stats, images):
        def loss(params, images):
            output, new = run(params, stats, images)
            weights = jnp.cos(jnp.arange(output.size)).reshape(output.shape)
            return jnp.sum(output * weights), (output, new)

        return jax.grad(loss, (0, 1), has_aux=True)(params, images)

    @functools.partial(jax.jit, compiler_options=PLAIN)
    def padded(op, *rows):
        return gradients(functools.partial(body.run, "train", op), *rows)

    for index, template in enumerate(body.templates):
        alone = functools.partial(gradients, functools.partial(template.apply, "train"))
        rows = params[index], stats[index], images
        want = jax.jit(alone, compiler_options=PLAIN)(*rows)
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9),
            padded(index, *rows),
            want,
        )


def test_an_op_that_computes_otherwise_is_no_member(ops_registry):
    register_op("negative", NegativeMBConv)
    layer = Layer(4, 4, 1, (op("a", "mbconv"), op("b", "negative")))
    assert padded_layer(layer).part_of == (0, 1)


def test_arrays_by_hand():
    """A kernel in the middle, a block on the diagonal, and back."""
    fields = (Field("taps", (3, 3, 1), "centred"), Field("product", (2, 4), "diagonal"))
    row_map = make_row_map(
        fields,
        [
            {"taps": Block(0, (1, 1, 1)), "product": Block(1, (2, 1, 2))},
            {"product": Block(0, (1, 2, 3)), "taps": Block(6, (3, 3, 1))},
        ],
    )
    rows = np.arange(1.0, 16.0)
    first = row_map.split(read_row(row_map, jnp.int32(0), jnp.asarray(rows[:6])))
    np.testing.assert_array_equal(first["taps"][..., 0], np.diag([0, 1, 0]))
    np.testing.assert_array_equal(first["product"], [[2, 3, 0, 0], [0, 0, 4, 5]])
    vector = read_row(row_map, jnp.int32(1), jnp.asarray(rows))
    second = row_map.split(vector)
    np.testing.assert_array_equal(second["product"], [[1, 2, 3, 0], [4, 5, 6, 0]])
    np.testing.assert_array_equal(second["taps"].ravel(), rows[6:])
    # A place of the row that the op does not have keeps its value.
    longer = jnp.asarray([*rows, 99.0])
    back = write_row(row_map, jnp.int32(1), 10 * vector, longer)
    np.testing.assert_array_equal(back, [*10 * rows, 99])


def test_what_may_not_grow_is_said(ops_registry):
    class Growing(nnx.Module):
        sizes = ("count",)

        def __init__(self, *sizes, count, rngs):
            del sizes, rngs
            self.list = nnx.List(nnx.Param(jnp.ones(2)) for _ in range(3 - count))

        def __call__(self, images):
            return images

    register_op("growing", Growing)
    layer = Layer(4, 4, 1, (op("a", "growing", count=1), op("b", "growing", count=2)))
    with pytest.raises(ValueError, match=r"op 'a': its array .* leave `sizes` out"):
        padded_layer(layer)


def test_probes_refuse_padded_layers(tiny_space, images):
    supernet = build_supernet(tiny_space, "padded")
    params, stats = supernet.init(jax.random.key(0))
    arch = jnp.zeros(tiny_space.num_layers, jnp.int32)

    def run(stats):
        path = take_path(params, arch)
        return supernet.forward(path, stats, arch, images, mode="batch")

    with pytest.raises(ValueError, match="got a padded supernet, expected form"):
        probe_network(run, take_path(stats, arch), images, Probe(watch=jnp.sum))
