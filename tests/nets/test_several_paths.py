"""What both forms offer beside one path: several at once, blocks, precision, sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import (
    FASTEST,
    FORMS,
    build_supernet,
    resolve_form,
    set_mode,
    take_path,
    visiting_order,
)
from qnas_jax.spaces import CellSpace, NetworkSpace, chain, fixed, op

OPS = (
    op("identity", "projection"),
    op("mb2_k3", "mbconv", kernel=3, expansion=2, activation="relu"),
)
SPACE = NetworkSpace(
    name="two ops",
    layers=chain(4, [(6, 2), (6, 1), (6, 1)], OPS),  # the last two are one loop
    stem=(fixed(1, 4, 1, "conv", kernel=3),),
    head=(
        fixed(6, 6, 1, "conv", kernel=1),
        fixed(6, 6, 1, "global_average"),
        fixed(6, 3, 1, "classifier"),
    ),
    input_shape=(5, 6, 1),
    num_classes=3,
)
CELLS = CellSpace("cells", (4, 4, 1), 3, num_nodes=2, features=2, stages=2, cells=2)
ARCHS = {
    SPACE.name: np.array([[0, 1, 0], [1, 0, 1]], np.int32),  # each op once a layer
    CELLS.name: np.array([[2], [0], [4], [1], [3]], np.int32),
}
CASES = [(SPACE, form) for form in FORMS] + [(CELLS, form) for form in FORMS]
PLAIN = {  # little is optimised: compiling takes nearly all of the time
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
jit = functools.partial(jax.jit, compiler_options=PLAIN)
by_case = pytest.mark.parametrize(
    ("space", "form"), CASES, ids=[f"{space.name} {form}" for space, form in CASES]
)


@pytest.fixture(autouse=True, scope="module")
def library_convolutions():
    with force_implementation("reference"):
        yield


@functools.cache
def weights_and_images(space):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(build_supernet(space).init, jax.random.key(0))
    params = jax.tree.map(lambda row: 0.5 * rng.standard_normal(row.shape), shapes[0])
    stats = jax.tree.map(lambda row: rng.uniform(0.5, 1.0, row.shape), shapes[1])
    images = rng.standard_normal((4, *space.input_shape))
    return jax.tree.map(jnp.float32, (params, stats, images))


@functools.cache
def one_by_one(space, form, mode):
    """Logits and new statistics of each path by `apply`."""
    params, stats, images = weights_and_images(space)
    apply = jit(functools.partial(build_supernet(space, form).apply, mode=mode))
    return [
        apply(take_path(params, arch), take_path(stats, arch), arch, images)
        for arch in map(jnp.asarray, ARCHS[space.name])
    ]


def assert_close(got, want, tolerance=1e-5):
    def check(got, want):
        assert got.shape == want.shape and got.dtype == want.dtype
        scale = np.abs(want).max(initial=0.0)
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)

    jax.tree.map(check, got, want)


@pytest.mark.parametrize("mode", ["running", "batch"])
@pytest.mark.parametrize("space", [SPACE, CELLS], ids=["chain", "cells"])
def test_a_padded_path_is_the_network_that_is_cut(space, mode):
    """Brute force: the stand-alone network of each architecture, eagerly."""
    params, stats, images = weights_and_images(space)
    supernet = build_supernet(space, "padded")
    found = one_by_one(space, "padded", mode)[:2]
    for arch, (logits, _) in zip(ARCHS[space.name], found, strict=False):
        subnet = supernet.cut(params, stats, arch)
        set_mode(subnet, mode)
        assert_close(logits, subnet(images), 1e-5)


@by_case
def test_several_paths_are_each_alone(space, form):
    """Paths that share rows: these get the mean of their new statistics."""
    params, stats, images = weights_and_images(space)
    supernet = build_supernet(space, form)
    archs = ARCHS[space.name][[0, 1, 1]].copy()
    archs[2, :1] = archs[0, :1]
    run = jit(functools.partial(supernet.apply_paths, mode="train"))
    logits, new = run(params, stats, archs, images)
    apply = jit(functools.partial(supernet.apply, mode="train"))
    alone = [
        apply(take_path(params, arch), take_path(stats, arch), arch, images)
        for arch in map(jnp.asarray, archs)
    ]
    assert_close(logits, jnp.stack([each for each, _ in alone]))
    fixed = zip(*(path["fixed"] for _, path in alone), strict=True)
    layers = []
    for layer, matrix in enumerate(stats["layers"]):
        rows = np.array(matrix)
        for chosen in set(archs[:, layer]):
            sharing = np.flatnonzero(archs[:, layer] == chosen)
            used = [alone[path][1]["layers"][layer] for path in sharing]
            rows[chosen] = np.mean(used, axis=0)
        layers.append(jnp.asarray(rows))
    wanted = {"fixed": [sum(rows) / 3 for rows in fixed], "layers": layers}
    assert_close(new, wanted)


@pytest.mark.slow
def test_each_op_once():
    """Strict fairness in one pass: logits, statistics, gradients of all ops."""
    params, stats, images = weights_and_images(SPACE)
    archs = ARCHS[SPACE.name]
    supernet = build_supernet(SPACE, "padded")

    def loss(once, params):
        logits, new = supernet.apply_paths(
            params, stats, archs, images, mode="train", once=once
        )
        weights = jnp.cos(jnp.arange(logits.size)).reshape(logits.shape)
        return jnp.sum(logits * weights), (logits, new)

    got, want = (
        jit(jax.grad(functools.partial(loss, once), has_aux=True))(params)
        for once in (True, False)
    )
    assert_close(got, want, 1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("space", [SPACE, CELLS], ids=["chain", "cells"])
def test_once_needs_as_many_paths_as_ops(space, form):
    params, stats, images = weights_and_images(space)
    supernet = build_supernet(space, form)
    archs = jnp.zeros((3, space.num_layers), jnp.int32)
    with pytest.raises(ValueError, match="once: got 3 paths in space"):
        supernet.apply_paths(params, stats, archs, images, mode="batch", once=True)


@by_case
def test_visiting_in_blocks(space, form):
    """Each distinct architecture once, whatever the block; a rest is not repeated."""
    params, stats, images = weights_and_images(space)
    supernet = build_supernet(space, form)
    archs = ARCHS[space.name]
    population = jnp.asarray(np.concatenate([archs, archs[:1], archs[:1]]))
    order = visiting_order(population)
    rows = jax.vmap(functools.partial(take_path, stats))(order.archs)

    def visitor(place, logits, new, carry):
        calls, found, kept = carry
        put = functools.partial(jax.tree.map, lambda all, one: all.at[place].set(one))
        return calls.at[place].add(1), put(found, logits), put(kept, new)

    @functools.partial(jit, static_argnums=0)
    def visit(block, params):
        empty = (
            jnp.zeros(len(population), jnp.int32),
            jnp.zeros((len(population), len(images), space.num_classes)),
            jax.tree.map(jnp.zeros_like, rows),
        )
        return supernet.visit(
            params,
            rows,
            order,
            images,
            mode="batch",
            visitor=visitor,
            carry=empty,
            block=block,
        )

    block = len(archs) - 1  # the second block is not full
    calls, logits, new = visit(block, params)
    assert calls.tolist() == [1] * len(archs) + [0, 0]
    for place, wanted in zip(
        order.place, one_by_one(space, form, "batch"), strict=False
    ):
        got = logits[place], jax.tree.map(lambda all, at=place: all[at], new)
        assert_close(got, wanted)


@by_case
def test_precision_of_rows_is_that_of_values(space, form):
    """Near float32, which statistics, classifier and logits stay."""
    params, stats, images = weights_and_images(space)
    supernet = build_supernet(space, form)
    cast = supernet.in_precision(params, "bfloat16")
    dtypes = [row.dtype for row in cast["fixed"]]
    assert dtypes == [jnp.bfloat16] * (len(dtypes) - 2) + [jnp.float32] * 2
    assert {matrix.dtype for matrix in cast["layers"]} == {jnp.dtype("bfloat16")}
    arch = jnp.asarray(ARCHS[space.name][0])
    path = take_path(cast, arch), take_path(stats, arch)
    run = jit(functools.partial(supernet.apply, mode="batch"))
    logits, new = run(*path, arch, images)
    want, want_stats = one_by_one(space, form, "batch")[0]
    assert logits.dtype == jnp.float32
    assert jnp.abs(logits - want).max() < 0.05 * jnp.abs(want).max()
    assert jnp.abs(logits - want).max() > 0
    assert jax.tree.map(jnp.result_type, new) == jax.tree.map(
        jnp.result_type, want_stats
    )


def test_the_largest_values_by_hand():
    """The expansion of the last layers' blocks, 12 channels of 3 x 3; the stem's 4."""
    for form, space, wanted in (
        ("switch", SPACE, 5 * 6 * 8),
        ("padded", SPACE, 5 * 6 * 8),
        ("switch", CELLS, 4 * 4 * 2),
        ("padded", CELLS, 4 * 4 * 2),
    ):
        assert build_supernet(space, form).largest_values == wanted


def test_forms_by_name():
    assert resolve_form("auto") == FASTEST[jax.default_backend()]
    assert [resolve_form(form) for form in FORMS] == list(FORMS)
    with pytest.raises(ValueError, match="form: got 'fast', expected auto, switch or"):
        resolve_form("fast")
