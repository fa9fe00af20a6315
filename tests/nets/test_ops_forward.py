"""Every op against the same arithmetic in NumPy and SciPy, in every mode."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from plain_ops import Arithmetic

from qnas_jax.nets import MODES, ChainSubnet, build_op, set_mode
from qnas_jax.nets.layers import batch_norm
from qnas_jax.nets.ops import BUILT_IN
from qnas_jax.nets.series import SERIES_OPS
from qnas_jax.nets.text import TEXT_OPS
from qnas_jax.spaces import Layer, op


def mb(in_features, out_features, stride, **options):
    return Layer(in_features, out_features, stride, (op("mb", "mbconv", **options),))


def plain(in_features, out_features, stride, kind, **options):
    return Layer(in_features, out_features, stride, (op("x", kind, **options),))


CASES = {
    "mb_k3_e1": mb(4, 6, 1, kernel=3, expansion=1),
    "mb_k5_e3_s2": mb(4, 6, 2, kernel=5, expansion=3),
    "mb_residual": mb(4, 4, 1, kernel=3, expansion=2, activation="relu"),
    "mb_same_width_s2": mb(4, 4, 2, kernel=3, expansion=2),
    "mb_se": mb(4, 4, 1, kernel=3, expansion=2, attention="se"),
    "mb_se_narrow": mb(2, 4, 1, kernel=3, expansion=1, attention="se"),
    "mb_eca": mb(4, 6, 2, kernel=3, expansion=3, attention="eca"),
    "mb_groups": mb(4, 6, 1, kernel=3, expansion=3, groups=2),
    "mb_groups_e1": mb(4, 4, 1, kernel=5, expansion=1, groups=2),
    "skip_same": plain(4, 4, 1, "skip"),
    "skip_wider": plain(4, 6, 1, "skip"),
    "skip_s2": plain(4, 4, 2, "skip"),
    "projection_same": plain(4, 4, 1, "projection"),
    "projection_wider": plain(4, 6, 1, "projection"),
    "projection_s2": plain(4, 6, 2, "projection"),
    "conv_k3_s2": plain(3, 5, 2, "conv", kernel=3),
    "conv_k5": plain(3, 4, 1, "conv", kernel=5, activation="none"),
    "conv_k1": plain(3, 5, 1, "conv", kernel=1, activation="relu"),
    "shuffle_same": plain(8, 8, 1, "shuffle", kernel=3),
    "shuffle_wider": plain(4, 8, 1, "shuffle", kernel=5),
    "shuffle_s2": plain(4, 8, 2, "shuffle", kernel=7),
    "xception_same": plain(8, 8, 1, "shuffle_xception"),
    "xception_s2": plain(4, 8, 2, "shuffle_xception"),
    "global_average": plain(4, 4, 1, "global_average"),
    "zero": plain(4, 4, 1, "zero"),
    "average_pool": plain(4, 4, 1, "average_pool"),
    "relu_conv_k3": plain(3, 5, 1, "relu_conv", kernel=3),
    "relu_conv_k3_s2": plain(3, 5, 2, "relu_conv"),
    "relu_conv_k1": plain(3, 5, 1, "relu_conv", kernel=1, activated=False),
    "residual_reduction": plain(3, 5, 2, "residual_reduction"),
    "norm_relu": plain(4, 4, 1, "norm_relu"),
    "convolution_s2": plain(3, 5, 2, "convolution"),
    "basic_block": plain(4, 4, 1, "basic_block"),
    "basic_block_s2": plain(4, 7, 2, "basic_block"),
    "dense_layer": plain(4, 6, 1, "dense_layer"),
    "transition": plain(4, 2, 2, "transition"),
}


def test_every_built_in_op_has_a_case():
    kinds = {layer.ops[0].kind for layer in CASES.values()} | {"classifier", "linear"}
    others = SERIES_OPS.keys() | TEXT_OPS.keys()  # tests/nets/series and text have them
    assert kinds == BUILT_IN - others


def assert_equals_arithmetic(arithmetic, output, wanted, stats):
    assert output.shape == wanted.shape and output.dtype == jnp.float32
    np.testing.assert_allclose(output, wanted, rtol=2e-4, atol=2e-5)
    assert stats.keys() == arithmetic.new.keys()
    for name, value in stats.items():
        np.testing.assert_allclose(value, arithmetic.new[name], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_op(name, mode, randomise, arrays_of):
    layer = CASES[name]
    spec = layer.ops[0]
    module = build_op(layer, 0, nnx.Rngs(0))
    nnx.update(module, randomise(nnx.state(module)))
    set_mode(module, mode)
    rng = np.random.default_rng(2)
    height = 4 if spec.kind == "residual_reduction" else 5
    shape = (3, height, 6, layer.in_features)
    images = rng.standard_normal(shape, dtype=np.float32)
    arithmetic = Arithmetic(arrays_of(module), mode)
    options = {k: v for k, v in spec.options if k != "kernel"}
    wanted = getattr(arithmetic, spec.kind)(
        images.astype(np.float64), layer.stride, **options
    )
    output = module(jnp.asarray(images))
    stats = arrays_of(module, nnx.BatchStat)
    assert_equals_arithmetic(arithmetic, output, wanted, stats)


@pytest.mark.parametrize(
    ("arch", "mode"),
    [((0, 0, 0), "train"), ((2, 1, 0), "running"), ((2, 1, 0), "batch")],
)
def test_whole_network(tiny_space, images, arch, mode, randomise, arrays_of):
    subnet = ChainSubnet(tiny_space, arch, rngs=nnx.Rngs(0))
    nnx.update(subnet, randomise(nnx.state(subnet)))
    set_mode(subnet, mode)
    arithmetic = Arithmetic(arrays_of(subnet), mode)
    chosen = [(block, 0) for block in tiny_space.stem]
    chosen += list(zip(tiny_space.layers, arch, strict=True))
    chosen += [(block, 0) for block in tiny_space.head]
    places = [
        "stem.0",
        "layers.0",
        "layers.1",
        "layers.2",
        "head.0",
        "head.1",
        "head.2",
    ]
    values = images.astype(np.float64)
    for (layer, index), place in zip(chosen, places, strict=True):
        forward = getattr(arithmetic.within(place), layer.ops[index].kind)
        values = forward(values, layer.stride)
    output = subnet(jnp.asarray(images))
    stats = arrays_of(subnet, nnx.BatchStat)
    assert output.shape == (5, 3)
    assert_equals_arithmetic(arithmetic, output, values, stats)


@pytest.mark.parametrize(
    ("mode", "mean", "var", "output"),
    [
        # Batch 0 2 4 6: mean 3, variance 5 (biased); before: mean 1, variance 4.
        ("train", 0.9 * 1 + 0.1 * 3, 0.9 * 4 + 0.1 * 5, [-3, -1, 1, 3] / np.sqrt(5)),
        ("running", 1.0, 4.0, [-0.5, 0.5, 1.5, 2.5]),
        ("batch", 3.0, 5.0, [-3, -1, 1, 3] / np.sqrt(5)),
    ],
)
def test_batch_statistics_by_hand(mode, mean, var, output):
    norm = batch_norm(1, nnx.Rngs(0))
    norm.mean[...], norm.var[...] = jnp.array([1.0]), jnp.array([4.0])
    set_mode(norm, mode)
    values = norm(jnp.array([0.0, 2.0, 4.0, 6.0]).reshape(4, 1, 1, 1))
    np.testing.assert_allclose(values.ravel(), output, rtol=1e-5)
    np.testing.assert_allclose(norm.mean[...], [mean], rtol=1e-6)
    np.testing.assert_allclose(norm.var[...], [var], rtol=1e-6)


def test_modes_can_follow_each_other():
    """The mode `batch` leaves no trace in a later training step."""
    norm = batch_norm(1, nnx.Rngs(0))
    for mode in ("batch", "running", "train"):
        set_mode(norm, mode)
    norm(jnp.array([0.0, 2.0, 4.0, 6.0]).reshape(4, 1, 1, 1))
    np.testing.assert_allclose(norm.mean[...], [0.3], rtol=1e-6)
    np.testing.assert_allclose(norm.var[...], [1.4], rtol=1e-6)


def test_a_linear_layer_by_hand():
    module = build_op(plain(2, 2, 1, "linear"), 0, nnx.Rngs(0))
    module.kernel[...] = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    module.bias[...] = jnp.array([10.0, 20.0])
    np.testing.assert_array_equal(module(jnp.array([[1.0, -1.0]])), [[8.0, 18.0]])


def test_pooling_does_not_count_the_border():
    """Corner (1+2+4+5)/4, edge (1+..+6)/6, centre 5."""
    values = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    module = build_op(plain(1, 1, 1, "average_pool"), 0, nnx.Rngs(0))
    found = np.asarray(module(values))[0, ..., 0]
    want = [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]]
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_odd_widths_pass_a_shuffle_block():
    """Of five channels 0, 2, 4 pass untouched and 1, 3 enter the main branch."""
    images = np.random.default_rng(0).standard_normal((2, 4, 4, 5), dtype=np.float32)
    for kind in ("shuffle", "shuffle_xception"):
        module = build_op(plain(5, 5, 1, kind), 0, nnx.Rngs(0))
        set_mode(module, "running")
        output = module(jnp.asarray(images))
        assert output.shape == images.shape
        np.testing.assert_array_equal(output[..., :3], images[..., [0, 2, 4]])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (plain(4, 4, 1, "mbkonv"), "op 'x': got kind 'mbkonv', expected one of mbconv"),
        (mb(4, 4, 1, kernl=3), "op 'mb': options {'kernl': 3} do not fit MBConv"),
        (mb(4, 4, 1, attention="cbam"), "attention: got 'cbam', expected one of none"),
        (mb(4, 6, 1, groups=4), "got 24 -> 6 features, expected multiples of groups=4"),
        (plain(8, 8, 2, "shuffle"), "shuffle: got 8 -> 8 features with stride 2, exp"),
        (plain(8, 4, 1, "shuffle_xception"), "shuffle: got 8 -> 4 features"),
        (plain(4, 8, 1, "global_average"), "global_average: got 4 -> 8 features"),
        (plain(4, 8, 1, "zero"), "zero: got 4 -> 8 features with stride 1, expected"),
        (plain(4, 4, 2, "average_pool"), "average_pool: got 4 -> 4 features with str"),
        (plain(4, 4, 2, "norm_relu"), "norm_relu: got 4 -> 4 features with stride 2"),
        (plain(4, 8, 1, "residual_reduction"), "residual_reduction: got stride 1, exp"),
    ],
)
def test_wrong_ops_are_named(layer, message):
    with pytest.raises(ValueError, match=message):
        build_op(layer, 0, nnx.Rngs(0))


def test_an_unknown_activation_is_named():
    module = build_op(mb(4, 4, 1, activation="swish"), 0, nnx.Rngs(0))
    with pytest.raises(ValueError, match="got 'swish', expected one of relu6, relu"):
        module(jnp.zeros((1, 4, 4, 4)))
