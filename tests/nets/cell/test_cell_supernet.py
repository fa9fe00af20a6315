"""The supernet of a cell space against a second network, written with static Python."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from plain_cell_network import Plain, arrays_of

from qnas_jax.nets import (
    MODES,
    build_supernet,
    put_path,
    set_mode,
    take_path,
    visiting_order,
)
from qnas_jax.spaces import CellSpace

CELLS = 2
ARCHS = [(3, 1, 2, 4, 3, 2), (0, 3, 1, 1, 0, 4), (2, 2, 2, 2, 2, 2), (0,) * 6]


def positive(stats):
    """In a flat row a variance has no name: all statistics become positive."""
    return jax.tree.map(lambda leaf: jnp.abs(leaf) + 0.5, stats)


@pytest.fixture(scope="module")
def small(randomise):
    """A supernet with random weights, scales and shifts, and positive statistics."""
    supernet = build_supernet(
        CellSpace("small", (4, 6, 2), 3, features=2, stages=2, cells=CELLS)
    )
    params, stats = jax.eval_shape(supernet.init, jax.random.key(0))
    return supernet, randomise(params), positive(randomise(stats, seed=1))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 4, 6, 2), dtype=np.float32)


@pytest.fixture(scope="module")
def apply(small):
    """Compiled once a mode: the architecture is data."""
    supernet = small[0]

    @functools.partial(jax.jit, static_argnames="mode")
    def run(params, stats, arch, images, *, mode):
        path = take_path(params, arch), take_path(stats, arch)
        return supernet.apply(*path, arch, images, mode=mode)

    return run


def close(got, want, name=""):
    scale = max(np.abs(want).max(), 1.0)
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_against_the_plain_network(small, apply, images, mode):
    """Logits and the statistics afterwards, of paths and of networks cut out."""
    supernet, params, stats = small
    for arch in ARCHS:
        index = jnp.asarray(arch)
        logits, new_stats = apply(params, stats, index, images, mode=mode)
        subnet = supernet.cut(params, stats, arch)
        plain = Plain(arrays_of(subnet), arch, CELLS, mode)
        close(logits, plain.run(np.float64(images)))
        after = arrays_of(supernet.cut(params, put_path(stats, index, new_stats), arch))
        for name, want in plain.new.items():
            close(after[name], want, name)
    # The last one in its stand-alone form too; the first has a test of its own.
    set_mode(subnet, mode)
    close(subnet(jnp.asarray(images)), logits)


def test_a_network_cut_out_is_the_path(small, apply, images):
    supernet, params, stats = small
    arch = ARCHS[0]
    logits, new_stats = apply(params, stats, jnp.asarray(arch), images, mode="train")
    subnet = supernet.cut(params, stats, arch)
    set_mode(subnet, "train")
    graphdef, state = nnx.split(subnet)

    @jax.jit
    def run(state, images):
        module = nnx.merge(graphdef, state)
        return module(images), nnx.state(module, nnx.BatchStat)

    wanted, wanted_stats = run(state, images)
    np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=1e-5)
    found = supernet.cut(params, put_path(stats, jnp.asarray(arch), new_stats), arch)
    for (_, got), (_, want) in zip(
        nnx.to_flat_state(nnx.state(found, nnx.BatchStat)),
        nnx.to_flat_state(wanted_stats),
        strict=True,
    ):
        np.testing.assert_allclose(got[...], want[...], rtol=1e-5, atol=1e-5)
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(subnet, nnx.Param)))
    assert count == supernet.cost_table().cost([arch])["params"]


def test_gradients_against_finite_differences(small, images):
    """Along random directions of all weights and of the images, in float64 NumPy."""
    supernet, params, stats = small
    target = np.random.default_rng(5).standard_normal((3, 3))

    @jax.jit
    def gradients(arch):
        def loss(path_params, images):
            own_stats = take_path(stats, arch)
            logits, _ = supernet.apply(
                path_params, own_stats, arch, images, mode="train"
            )
            return jnp.sum(logits * target)

        own = take_path(params, arch)
        to_images = jax.grad(loss, argnums=1)(own, images)  # kernels have no gradient
        return *jax.grad(loss, argnums=(0, 1))(own, images), to_images

    zeros = jax.tree.map(jnp.zeros_like, params)
    for arch in ARCHS[:2]:
        index = jnp.asarray(arch)
        to_params, to_images, alone = gradients(index)
        np.testing.assert_allclose(alone, to_images, rtol=1e-5, atol=1e-6)
        arrays = arrays_of(supernet.cut(params, stats, arch))
        # Gradients have the form of weights, so they can be cut out in the same way.
        slopes = arrays_of(supernet.cut(put_path(zeros, index, to_params), stats, arch))
        trained = [name for name in arrays if not name.endswith((".mean", ".var"))]
        rng = np.random.default_rng(6)
        for _ in range(3):
            step = {name: rng.standard_normal(arrays[name].shape) for name in trained}
            pixels = rng.standard_normal(images.shape)

            def loss(size, arrays=arrays, step=step, pixels=pixels, arch=arch):
                moved = {name: arrays[name] + size * step[name] for name in step}
                plain = Plain(arrays | moved, arch, CELLS, "train")
                return np.sum(plain.run(images + size * pixels) * target)

            want = (loss(1e-6) - loss(-1e-6)) / 2e-6
            parts = [np.sum(step[name] * slopes[name]) for name in trained]
            parts.append(np.sum(pixels * np.asarray(to_images)))
            scale = np.sqrt(np.sum(np.square(parts)))
            np.testing.assert_allclose(sum(parts), want, atol=1e-3 * scale)
        sizes = sum(arrays[name].size for name in trained)
        flat = jax.tree.leaves(to_params)
        assert sum(np.count_nonzero(leaf) for leaf in flat) <= sizes


def test_a_step_changes_the_statistics_of_its_path_only(small, apply, images):
    _, params, stats = small
    arch = jnp.asarray(ARCHS[0])
    _, new_stats = apply(params, stats, arch, images, mode="train")
    after = put_path(stats, arch, new_stats)
    for edge, (old, new) in enumerate(
        zip(stats["layers"], after["layers"], strict=True)
    ):
        changed = np.any(np.asarray(old) != np.asarray(new), axis=1)
        has_norm = ARCHS[0][edge] in (2, 3)
        assert changed.tolist() == [
            has_norm and op == ARCHS[0][edge] for op in range(5)
        ]


@pytest.mark.parametrize("mode", ["running", "batch"])
def test_a_visited_population_is_each_alone(small, apply, images, mode):
    supernet, params, stats = small
    archs = jnp.asarray([*ARCHS, ARCHS[1]])
    order = visiting_order(archs)

    @jax.jit
    def visit(images):
        def write(place, logits, new_stats, carry):
            found, seen = carry
            seen = jax.tree.map(lambda a, row: a.at[place].set(row), seen, new_stats)
            return found.at[place].set(logits), seen

        rows = jax.vmap(functools.partial(take_path, stats))(order.archs)
        start = jnp.full((5, 3, 3), jnp.nan), jax.tree.map(jnp.zeros_like, rows)
        return supernet.visit(
            params, rows, order, images, mode=mode, visitor=write, carry=start
        )

    logits, found = visit(images)
    assert np.isnan(logits[4]).all() and int(order.count) == 4
    for arch, place in zip(archs, order.place, strict=True):
        want, want_stats = apply(params, stats, arch, images, mode=mode)
        np.testing.assert_allclose(logits[place], want, rtol=1e-5, atol=1e-5)
        for got, row in zip(
            jax.tree.leaves(jax.tree.map(lambda rows, p=place: rows[p], found)),
            jax.tree.leaves(want_stats),
            strict=True,
        ):
            np.testing.assert_allclose(got, row, rtol=1e-5, atol=1e-6)


def test_half_precision_is_that_of_the_cells(small, apply, images):
    """Rows of edges in bfloat16: a few per cent from float32, and not the same."""
    _, params, stats = small
    arch = jnp.asarray(ARCHS[0])
    exact, _ = apply(params, stats, arch, images, mode="running")
    rounded = {
        **params,
        "layers": [rows.astype(jnp.bfloat16) for rows in params["layers"]],
    }
    logits, _ = apply(rounded, stats, arch, images, mode="running")
    assert logits.dtype == jnp.float32
    error = np.abs(logits - exact).max() / np.abs(exact).max()
    assert 1e-6 < error < 0.05


def test_names_of_the_arrays_in_the_rows(small):
    """Each array of a network that is cut out lies in the rows where its name says."""
    supernet, params, stats = small
    arch = [3, 2, 0, 1, 4, 3]
    subnet = supernet.cut(params, stats, arch)
    arrays = arrays_of(subnet)
    for kind, slots in (("params", params), ("stats", stats)):
        named = supernet.row_arrays(kind)
        for edge, op in enumerate(arch):
            row = np.asarray(slots["layers"][edge][op])
            for array in named["layers"][edge][op]:
                stage, cell, piece, *_, last = array.name.split(".")
                part = "norm" if piece == "1" else "conv"
                name = f"stages.{stage}.{cell}.ops.{edge}.{part}.{last}"
                size = int(np.prod(array.shape))
                values = row[array.start : array.start + size].reshape(array.shape)
                np.testing.assert_array_equal(values, np.float32(arrays[name]))
        assert [len(ops[0]) for ops in named["fixed"]] == {
            "params": [3, 7, 2, 0, 2],
            "stats": [2, 4, 2, 0, 0],
        }[kind]


def test_initial_weights_fill_pytorchs_range():
    """Uniform within 1 / sqrt(inputs): standard deviation of that over sqrt(3)."""
    supernet = build_supernet(CellSpace("wide", (4, 4, 3), 10, stages=2, cells=2))
    weights = jax.jit(supernet.init)(jax.random.key(0))
    arrays = arrays_of(supernet.cut(*weights, [2, 3, 0, 1, 4, 3]))
    for name, inputs in (
        ("stem.0.conv.kernel", 27),
        ("stages.1.0.ops.0.conv.kernel", 32),
        ("stages.1.1.ops.5.conv.kernel", 288),
        ("reductions.0.second.conv.kernel", 288),
        ("reductions.0.shortcut.kernel", 16),
        ("head.2.kernel", 32),
    ):
        bound = inputs**-0.5
        assert 0.9 * bound < np.abs(arrays[name]).max() <= bound * (1 + 1e-6)
        assert np.std(arrays[name]) == pytest.approx(bound / 3**0.5, rel=0.1)
    kernels = [name for name in arrays if name.endswith("conv.kernel")]
    assert len({arrays[name].ravel()[0] for name in kernels}) == len(kernels)
    for name, array in arrays.items():
        if name.endswith((".mean", "norm.bias")):
            assert not array.any()
        if name.endswith((".var", ".scale")):
            assert (array == 1).all()


@pytest.mark.parametrize("arch", [[0] * 5, [5, 0, 0, 0, 0, 0]])
def test_a_wrong_architecture_is_not_cut(small, arch):
    supernet, params, stats = small
    with pytest.raises(ValueError, match="architecture: got"):
        supernet.cut(params, stats, arch)
