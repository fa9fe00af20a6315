"""Networks without control flow against the supernet that switches, in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import ChainSupernet, take_path
from qnas_jax.nets.families import EachOpOnce, PaddedNetwork
from qnas_jax.spaces import NetworkSpace, chain, fixed, op

OPS = (
    op("identity", "projection"),
    op("mb2_k3", "mbconv", kernel=3, expansion=2, activation="relu"),
)
SPACE = NetworkSpace(
    name="two ops",
    layers=chain(4, [(6, 2), (6, 1), (6, 1)], OPS),  # the last two are one loop
    stem=(fixed(1, 4, 1, "conv", kernel=3),),
    head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
    input_shape=(5, 6, 1),
    num_classes=3,
)
ARCHS = np.array([[0, 1, 0], [1, 0, 1]], np.int32)  # each op once a layer


# Little is optimised: compiling takes nearly all of the time.
PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
jit = functools.partial(jax.jit, compiler_options=PLAIN)


@pytest.fixture(scope="module", autouse=True)
def double_precision():
    """Rounding does not hide, nor make, a difference; convolutions by the library.

    (In float32 a value near a kink of an activation may fall to its other side in one
    of the two forms, and has another gradient then.)
    """
    with jax.enable_x64(True), force_implementation("reference"):
        yield


@pytest.fixture(scope="module")
def inputs():
    """Random rows, positive statistics, images."""
    rng = np.random.default_rng(0)
    params, stats = ChainSupernet(SPACE).init(jax.random.key(0))
    params = jax.tree.map(lambda row: rng.standard_normal(row.shape), params)
    stats = jax.tree.map(lambda row: rng.uniform(0.5, 1.0, row.shape), stats)
    return params, stats, rng.standard_normal((4, *SPACE.input_shape))


def path_of(network):
    """A network's run of one path with all weights: logits and the path's stats."""

    def run(params, stats, arch, images, mode="train"):
        path = take_path(params, arch), take_path(stats, arch)
        return network.apply(*path, arch, images, mode=mode)

    return run


def sum_of(logits):
    return jnp.sum(logits * jnp.cos(jnp.arange(logits.size)).reshape(logits.shape))


def gradient_of(run):
    def loss(params, stats, arch, images):
        logits, new_stats = run(params, stats, arch, images)
        return sum_of(logits), (logits, new_stats)

    return jax.grad(loss, has_aux=True)


@pytest.fixture(scope="module")
def wanted(inputs):
    """Gradient, logits and statistics of each path by the supernet that switches."""
    params, stats, images = inputs
    gradient = jit(gradient_of(path_of(ChainSupernet(SPACE))))
    return [gradient(params, stats, arch, images) for arch in ARCHS]


def assert_close(got, want):
    assert got.shape == want.shape
    scale = max(np.abs(want).max(initial=0.0), 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.slow
def test_paths_side_by_side(inputs, wanted):
    """As a `vmap`: logits, statistics, and gradients to the rows of all ops.

    With values that are computed again and a loop, the harder case for gradients.
    """
    params, stats, images = inputs
    run = gradient_of(path_of(PaddedNetwork(SPACE, recompute=True)))
    side_by_side = jit(jax.vmap(run, in_axes=(None, None, 0, None)))
    got = side_by_side(params, stats, ARCHS, images)
    stacked = jax.tree.map(lambda *each: np.stack(each), *wanted)
    jax.tree.map(assert_close, got, stacked)


@pytest.mark.slow
def test_each_op_once(inputs, wanted):
    """All paths in one pass: each op runs once, gradients are their sum."""
    params, stats, images = inputs
    once = EachOpOnce(SPACE)

    def loss(params):
        logits, new_stats = once.apply(params, stats, ARCHS, images, mode="train")
        return sum(sum_of(each) for each in logits), (logits, new_stats)

    gradient, (logits, new_stats) = jit(jax.grad(loss, has_aux=True))(params)
    summed = jax.tree.map(lambda *each: sum(each), *(each[0] for each in wanted))
    jax.tree.map(assert_close, gradient, summed)
    for path, (_, (want, want_stats)) in enumerate(wanted):
        assert_close(logits[path], want)
        for layer, row in enumerate(want_stats["layers"]):
            assert_close(new_stats["layers"][layer][ARCHS[path, layer]], row)


def test_bfloat16_is_near(inputs):
    """Values of 8 bits: logits within a tenth of their spread, statistics float32."""
    with jax.enable_x64(False):
        params, stats, images = jax.tree.map(jnp.float32, inputs)
        arch = jnp.asarray(ARCHS[0])
        path = take_path(params, arch), take_path(stats, arch)
        runs = (
            jit(functools.partial(network.apply, mode="batch", **options))
            for network, options in (
                (PaddedNetwork(SPACE), {"precision": "bfloat16"}),
                (ChainSupernet(SPACE), {}),
            )
        )
        (got, got_stats), (want, want_stats) = (
            run(*path, arch, images) for run in runs
        )
        assert got.dtype == jnp.float32
        assert jnp.abs(got - want).max() < 0.1 * want.std()
        types = [
            jax.tree.map(lambda row: row.dtype, s) for s in (got_stats, want_stats)
        ]
        assert types[0] == types[1]
