"""The supernet's paths against the stand-alone networks with the same weights."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import (
    MODES,
    ChainSubnet,
    build_supernet,
    put_path,
    set_mode,
    take_path,
)
from qnas_jax.spaces import (
    NetworkSpace,
    SpaceOptions,
    build_space,
    chain,
    fixed,
    op,
)

ARCHS = [(0, 0, 0), (1, 1, 0), (2, 0, 0), (0, 1, 0)]


def positive(stats):
    """In a flat row a variance has no name: all statistics become positive."""
    return jax.tree.map(lambda leaf: jnp.abs(leaf) + 0.5, stats)


@pytest.fixture(scope="module")
def tiny(tiny_space, randomise):
    """A supernet with random weights and positive random variances."""
    supernet = build_supernet(tiny_space)
    params, stats = supernet.init(jax.random.key(0))
    return supernet, randomise(params), positive(randomise(stats, seed=1))


def apply_path_of(supernet, params, stats, arch, images, *, mode):
    path = take_path(params, arch), take_path(stats, arch)
    return supernet.apply(*path, arch, images, mode=mode)


@pytest.fixture(scope="module")
def apply_path(tiny):
    """Compiled once a mode: the architecture is data."""
    return jax.jit(functools.partial(apply_path_of, tiny[0]), static_argnames="mode")


def assert_close(got, want, tolerance=1e-5):
    """Within `tolerance` of the largest value."""
    want = np.asarray(want)
    scale = max(np.abs(want).max(initial=0.0), 1.0)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("arch", "mode"),
    [
        *(((0, 0, 0), mode) for mode in MODES),
        ((1, 1, 0), "train"),
        ((2, 0, 0), "batch"),
    ],
)
def test_path_equals_subnet(tiny, apply_path, images, arch, mode):
    assert_same_path(*tiny, apply_path, arch, images, mode)


def assert_same_path(supernet, params, stats, apply, arch, images, mode):
    """Logits and new statistics of a path are those of the subnet cut out of it."""
    index = jnp.asarray(arch)
    logits, new_stats = apply(params, stats, index, images, mode=mode)
    subnet = supernet.cut(params, stats, arch)
    set_mode(subnet, mode)
    graphdef, state = nnx.split(subnet)

    @jax.jit
    def run(state, images):
        module = nnx.merge(graphdef, state)
        return module(images), nnx.state(module, nnx.BatchStat)

    wanted, wanted_stats = run(state, images)
    assert logits.shape == wanted.shape
    assert_close(logits, wanted)
    found = nnx.state(
        supernet.cut(params, put_path(stats, index, new_stats), arch), nnx.BatchStat
    )
    jax.tree.map(assert_close, nnx.to_pure_dict(found), nnx.to_pure_dict(wanted_stats))


def test_one_program_serves_all_architectures(tiny, apply_path, images):
    _, params, stats = tiny
    run = functools.partial(apply_path, params, stats, images=images, mode="running")
    run(arch=jnp.zeros(3, jnp.int32))
    before = apply_path._cache_size()
    logits = [
        run(arch=jnp.asarray(arch))[0]
        for arch in itertools.product(range(3), range(2), range(1))
    ]
    assert apply_path._cache_size() == before
    for one, other in itertools.combinations(logits, 2):
        assert not np.allclose(one, other)


def first_layers(space, count):
    """The space cut off behind some layers; their output goes to the classifier."""
    if count == space.num_layers:
        return space
    layers = space.layers[:count]
    width = layers[-1].out_features
    head = (
        fixed(width, width, 1, "global_average"),
        fixed(width, space.num_classes, 1, "classifier"),
    )
    return dataclasses.replace(space, layers=layers, head=head)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "input_shape", "num_layers", "num_archs"),
    [
        ("digits", (8, 8, 1), 5, 1),
        ("nas_bench_macro", (8, 8, 3), 8, 1),
        ("proxylessnas", (4, 4, 3), 2, 2),
    ],
)
def test_registered_spaces_equal_their_subnets(
    name, input_shape, num_layers, num_archs, randomise
):
    """Op by op: compiling 16 branches of 21 layers would take minutes."""
    whole = build_space(SpaceOptions(name=name), input_shape, 10)
    space = first_layers(whole, num_layers)
    supernet = build_supernet(space)
    shapes = jax.eval_shape(supernet.init, jax.random.key(0))
    params, stats = randomise(shapes)
    stats = positive(stats)
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.standard_normal((4, *input_shape)), jnp.float32)
    for arch in rng.integers(0, space.num_ops, (num_archs, space.num_layers)):
        path = take_path(params, jnp.asarray(arch)), take_path(stats, jnp.asarray(arch))
        subnet = supernet.cut(params, stats, arch)
        set_mode(subnet, "running")
        # One form for both, the one with the fewest operations to compile.
        with jax.disable_jit(), force_implementation("reference"):
            logits, _ = supernet.apply(*path, arch, images, mode="running")
            wanted = subnet(images)
        assert logits.shape == (4, 10)
        assert np.ptp(wanted) > 1e-3
        assert_close(logits, wanted)


def cross_entropy(logits):
    return -jnp.mean(jax.nn.log_softmax(logits)[:, 0])


@pytest.mark.parametrize(
    ("arch", "mode"),
    [((0, 0, 0), "train"), ((2, 1, 0), "train"), ((1, 0, 0), "running")],
)
def test_gradients_through_the_switch(tiny, path_gradients, images, arch, mode):
    """The rule that computes the branch again against plain differentiation."""
    assert_same_gradients(*tiny, path_gradients, arch, images, mode)


def path_gradients_of(supernet, params, stats, arch, images, *, mode):
    """Gradients to the rows of a path and to the pixels."""

    def loss(path_params, images):
        path = path_params, take_path(stats, arch)
        return cross_entropy(supernet.apply(*path, arch, images, mode=mode)[0])

    return jax.grad(loss, argnums=(0, 1))(take_path(params, arch), images)


@pytest.fixture(scope="module")
def path_gradients(tiny):
    """Compiled once a mode."""
    gradients = functools.partial(path_gradients_of, tiny[0])
    return jax.jit(gradients, static_argnames="mode")


def assert_same_gradients(supernet, params, stats, gradients, arch, images, mode):
    """Gradients to weights and pixels of a path, and of the subnet cut out of it."""
    index = jnp.asarray(arch)
    rows, pixels = gradients(params, stats, index, images, mode=mode)
    subnet = supernet.cut(params, stats, arch)
    set_mode(subnet, mode)
    graphdef, weights, statistics = nnx.split(subnet, nnx.Param, nnx.BatchStat)

    @jax.jit
    def subnet_gradients(weights, images):
        def loss(weights, images):
            # Fresh variables: a train step writes to its statistics.
            fresh = jax.tree.map(lambda leaf: leaf, statistics)
            return cross_entropy(nnx.merge(graphdef, weights, fresh)(images))

        return jax.grad(loss, argnums=(0, 1))(weights, images)

    wanted_weights, wanted_pixels = subnet_gradients(weights, images)
    assert_close(pixels, wanted_pixels)
    # Gradients have the form of weights: they can be cut out in the same way.
    zeros = jax.tree.map(jnp.zeros_like, params)
    gradient = put_path(zeros, index, rows)
    found = nnx.state(supernet.cut(gradient, stats, arch), nnx.Param)
    jax.tree.map(
        assert_close, nnx.to_pure_dict(found), nnx.to_pure_dict(wanted_weights)
    )
    sizes = [leaf.size for leaf in jax.tree.leaves(wanted_weights)]
    used = sum(np.count_nonzero(leaf) for leaf in jax.tree.leaves(rows))
    assert 0.5 * sum(sizes) < used <= sum(sizes)  # nothing flows into the padding


@pytest.fixture(scope="module")
def repeated(randomise):
    """Equal neighbouring layers, then a strided one, then equal ones again."""
    ops = (op("mb", "mbconv", kernel=3, expansion=2), op("conv", "conv", kernel=1))
    same = (*ops, op("skip", "skip"))
    space = NetworkSpace(
        name="repeated",
        layers=(
            *chain(4, [(4, 1)] * 3, same),
            *chain(4, [(6, 2)], ops[1:]),
            *chain(6, [(6, 1)] * 2, ops),
        ),
        stem=(fixed(2, 4, 1, "conv", kernel=3),),
        head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
        input_shape=(6, 6, 2),
        num_classes=3,
    )
    supernet = build_supernet(space)
    params, stats = jax.eval_shape(supernet.init, jax.random.key(0))
    return supernet, randomise(params), positive(randomise(stats, seed=1))


@pytest.mark.slow
def test_equal_neighbouring_layers_keep_their_own_weights(repeated, images):
    arch = (1, 0, 2, 0, 0, 1)
    supernet, *weights = repeated
    apply, gradients = (
        jax.jit(functools.partial(function, supernet), static_argnames="mode")
        for function in (apply_path_of, path_gradients_of)
    )
    # Rounding grows to some 1e-5 in six layers of five images.
    with jax.enable_x64(True):
        weights = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), weights)
        exact = (arch, np.float64(images), "train")
        assert_same_path(supernet, *weights, apply, *exact)
        assert_same_gradients(supernet, *weights, gradients, *exact)


def test_gather_and_scatter_are_inverse(tiny):
    _, params, _ = tiny
    for arch in map(jnp.asarray, ARCHS):
        again = put_path(params, arch, take_path(params, arch))
        jax.tree.map(np.testing.assert_array_equal, again, params)


def test_a_training_step_changes_the_statistics_of_its_path_only(
    tiny, apply_path, images
):
    _, params, stats = tiny
    arch = jnp.array([2, 1, 0])
    _, new_stats = apply_path(params, stats, arch, images, mode="train")
    after = put_path(stats, arch, new_stats)
    for layer, (old, new) in enumerate(
        zip(stats["layers"], after["layers"], strict=True)
    ):
        changed = np.any(np.asarray(old) != np.asarray(new), axis=1)
        assert changed.tolist() == [k == arch[layer] for k in range(len(old))]


def test_slots_have_a_row_for_each_op(tiny_space, tiny):
    _, params, stats = tiny
    assert [len(matrix) for matrix in params["layers"]] == [3, 2, 1]
    assert [len(matrix) for matrix in stats["layers"]] == [3, 2, 1]
    assert len(params["fixed"]) == len(stats["fixed"]) == 4
    table = build_supernet(tiny_space).cost_table()
    widths = [matrix.shape[1] for matrix in params["layers"]]
    assert widths == table.by_op["params"].max(axis=1).tolist()
    assert all(leaf.size for leaf in jax.tree.leaves((params, stats)))


def test_a_cut_subnet_is_a_usual_subnet(tiny_space, tiny):
    supernet, params, stats = tiny
    cut = supernet.cut(params, stats, [2, 1, 0])
    built = nnx.eval_shape(lambda: ChainSubnet(tiny_space, [2, 1, 0], rngs=nnx.Rngs(0)))
    shapes = [
        jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), nnx.state(each))
        for each in (cut, built)
    ]
    assert nnx.to_pure_dict(shapes[0]) == nnx.to_pure_dict(shapes[1])
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(nnx.state(cut)))
    cost = build_supernet(tiny_space).cost_table().cost([2, 1, 0])["params"]
    params_of = jax.tree.leaves(nnx.state(cut, nnx.Param))
    assert sum(leaf.size for leaf in params_of) == cost


@pytest.mark.parametrize("arch", [[0, 0], [3, 0, 0], [0, 0, -1]])
def test_a_wrong_architecture_is_not_cut(tiny, arch):
    supernet, params, stats = tiny
    with pytest.raises(ValueError, match="architecture: got"):
        supernet.cut(params, stats, arch)
