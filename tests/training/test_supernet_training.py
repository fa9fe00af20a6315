"""A training step of the supernet: what it changes, and to which values."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from qnas_jax.data import epoch_order
from qnas_jax.kernels import compiler_options
from qnas_jax.nets import set_mode, take_path
from qnas_jax.tasks import ImageTraining
from qnas_jax.training import (
    NonFiniteLossError,
    PathSampler,
    SupernetOptions,
    make_sampler,
    map_slots,
    run_epochs,
)

BATCH = 8
PLAIN = {
    "batch_size": BATCH,
    "epochs": 2,
    "learning_rate": 0.2,
    "momentum": 0.9,
    "weight_decay": 0.1,
}


def fixed_paths(*archs):
    """A sampler that always draws the same paths."""
    paths = jnp.asarray(archs, jnp.int32)
    return PathSampler(len(archs), lambda order_key, key, state, share: (paths, state))


def copy(tree):
    """Arrays that survive donation."""
    return jax.tree.map(np.array, tree)


def trace_of(state):
    """The momenta, rows of all ops."""
    return optax.tree_utils.tree_get(state.moments, "trace")


def batches(train, task, order, num):
    """The first batches of an epoch, normalised, and their labels."""
    for step in range(num):
        chosen = np.asarray(order)[step * BATCH : (step + 1) * BATCH]
        images = task.prepare(jnp.asarray(train.inputs[chosen]))
        yield images, train.targets[chosen]


def with_full_pool(state):
    sampler = state.sampler.replace(
        pool=jnp.full_like(state.sampler.pool, 1),
        pool_scores=jnp.ones_like(state.sampler.pool_scores),
    )
    return state.replace(sampler=sampler, pool_share=jnp.float32(0.5))


@pytest.mark.parametrize(
    ("name", "share"),
    [("uniform", 0.0), ("fair", 0.0), ("stratified", 0.0), ("fair", 0.5)],
)
def test_only_the_rows_of_the_path_and_fixed_blocks_change(
    name, share, space, supernet, train, build_training
):
    options = SupernetOptions(
        sampler=name, pool_share=share, schedule="constant", **PLAIN
    )
    sampler = make_sampler(options, space, supernet.cost_table())
    training = build_training(options, sampler)
    state, order = training.state, epoch_order(jax.random.key(0), 0, len(train))
    if share:
        state = with_full_pool(state)
    for _ in range(8):
        before = copy((state.params, state.stats, trace_of(state)))
        state = training.step_fn(state, order)
        after = copy((state.params, state.stats, trace_of(state)))
        jax.effects_barrier()
        arch = training.archs[-1][0]
        for old, new in zip(before, after, strict=True):
            for layer, op in enumerate(arch):
                others = np.arange(space.num_ops[layer]) != op
                rows = old["layers"][layer], new["layers"][layer]
                np.testing.assert_array_equal(rows[0][others], rows[1][others])
                weightless = space.layers[layer].ops[op].kind == "skip"
                assert (rows[0][op] == rows[1][op]).all() == weightless
        for old, new in zip(before[::2], after[::2], strict=True):
            stem, _, classifier = zip(old["fixed"], new["fixed"], strict=True)
            assert (stem[0] != stem[1]).any()
            assert (classifier[0] != classifier[1]).any()
        assert (before[1]["fixed"][0] != after[1]["fixed"][0]).any()
    assert len({tuple(paths[0]) for paths in training.archs}) >= 3
    assert int(state.step) == 8
    # One program for all of them.
    assert len(training.traces) == 1


def test_a_step_copies_no_weights_and_no_data(train, build_training, supernet):
    """Rows are read before they are written; a copy would be of all ops of a layer."""
    options = SupernetOptions(sampler="fair", schedule="constant", **PLAIN)
    training = build_training(options, fixed_paths((1, 0)))
    order = epoch_order(jax.random.key(0), 0, len(train))
    step = jax.jit(
        training.step_fn, donate_argnums=0, compiler_options=compiler_options()
    )
    lowered = step.lower(training.state, order, jnp.int32(2))
    program = lowered.compile().as_text()
    shapes = [f"f32[{num},{width}]" for num, width in row_shapes(supernet)]
    shapes += [f"u8[{','.join(map(str, train.inputs.shape))}]"]
    for shape in shapes:
        assert shape in program
        assert not re.search(rf"{re.escape(shape)}\S* copy\(", program), shape


def test_results_do_not_depend_on_the_steps_of_a_call(
    space, supernet, train, build_training
):
    order = epoch_order(jax.random.key(0), 0, len(train))
    found = {}
    options = SupernetOptions(sampler="fair", pool_share=0.5, **PLAIN)
    training = build_training(
        options, make_sampler(options, space, supernet.cost_table())
    )
    start = with_full_pool(training.state)
    for calls in ([1, 1, 1, 1], [3, 1], [4]):
        state = jax.tree.map(jnp.copy, start)
        # Compiled by the first call, later ones copy nothing between host and device.
        with jax.transfer_guard("disallow" if found else "allow"):
            for count in calls:
                state = training.step_fn(state, order, count)
        assert int(state.step) == 4
        found[len(calls)] = copy(state)
    for other in (found[2], found[1]):
        jax.tree.map(np.testing.assert_array_equal, other, found[4])
    assert len(training.traces) == 1


def row_shapes(supernet):
    params, _ = jax.eval_shape(supernet.init, jax.random.key(0))
    return [matrix.shape for matrix in params["layers"]]


def standalone_losses(supernet, params, stats, arch):
    """(loss_fn of (params, stats, images, labels), params, stats) of a cut network."""
    subnet = supernet.cut(params, stats, arch)
    set_mode(subnet, "train")
    graph, params, stats = nnx.split(subnet, nnx.Param, nnx.BatchStat)

    def loss_fn(params, stats, images, labels):
        model = nnx.merge(graph, params, jax.tree.map(jnp.asarray, stats))
        log_probs = jax.nn.log_softmax(model(images))
        right = log_probs[np.arange(len(labels)), labels].mean()
        loss = -0.9 * right - 0.1 * log_probs.mean()
        return loss, nnx.state(model, nnx.BatchStat)

    return loss_fn, params, stats


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "clip"), [((0, 0), 0.5), ((1, 1), 0.0), ((2, 0), 0.5)]
)
def test_steps_equal_those_of_the_standalone_network(
    arch, clip, supernet, train, task, build_training
):
    options = SupernetOptions(
        sampler="fair", schedule="constant", clip_norm=clip, **PLAIN
    )
    training = build_training(options, fixed_paths(arch))
    state, order = training.state, epoch_order(jax.random.key(1), 0, len(train))
    loss_fn, params, stats = standalone_losses(
        supernet, state.params, state.stats, arch
    )
    plain = optax.chain(
        optax.clip_by_global_norm(clip) if clip else optax.identity(),
        optax.add_decayed_weights(0.1),
        optax.trace(decay=0.9),
        optax.scale(-0.2),
    )
    moments = plain.init(params)
    gradient_fn = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
    total = 0.0
    for images, labels in batches(train, task, order, 3):
        state = training.step_fn(state, order)
        (loss, stats), gradient = gradient_fn(params, stats, images, labels)
        update, moments = plain.update(gradient, moments, params)
        params = optax.apply_updates(params, update)
        total += float(loss) * BATCH
    cut = supernet.cut(state.params, state.stats, arch)
    _, found_params, found_stats = nnx.split(cut, nnx.Param, nnx.BatchStat)
    for found, expected in ((found_params, params), (found_stats, stats)):
        found, expected = nnx.to_pure_dict(found), nnx.to_pure_dict(expected)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert float(state.totals.loss) == pytest.approx(total, rel=1e-5)
    assert float(state.totals.examples) == 3 * BATCH


def path_gradient(supernet):
    """The gradient of one path's loss in all rows."""

    def loss_fn(params, stats, arch, images, labels):
        logits, _ = supernet.apply(
            take_path(params, arch), take_path(stats, arch), arch, images, mode="train"
        )
        log_probs = jax.nn.log_softmax(logits)
        right = log_probs[jnp.arange(BATCH), labels].mean()
        return -0.9 * right - 0.1 * log_probs.mean()

    return jax.jit(jax.grad(loss_fn))


@pytest.mark.slow
def test_strict_fair_update_is_that_of_the_summed_gradients(
    supernet, space, train, task, build_training
):
    options = SupernetOptions(sampler="strict_fair", schedule="constant", **PLAIN)
    sampler = make_sampler(options, space, supernet.cost_table())
    assert sampler.num_paths == 3
    training = build_training(options, sampler)
    state, order = training.state, epoch_order(jax.random.key(0), 0, len(train))
    params, momenta = copy(state.params), jax.tree.map(np.zeros_like, state.params)
    gradient_fn = path_gradient(supernet)
    for images, labels in batches(train, task, order, 2):
        stats = copy(state.stats)
        state = training.step_fn(state, order)
        jax.effects_barrier()
        archs = training.archs[-1]
        assert sorted(archs[:, 0].tolist()) == [0, 1, 2]
        assert set(archs[:, 1].tolist()) == {0, 1}
        gradients = [gradient_fn(params, stats, arch, images, labels) for arch in archs]
        momenta = jax.tree.map(
            lambda m, p, *path: 0.9 * m + 0.1 * p + np.sum(path, axis=0),
            momenta,
            params,
            *gradients,
        )
        params = jax.tree.map(lambda p, m: p - 0.2 * m, params, momenta)
        for found, expected in ((state.params, params), (trace_of(state), momenta)):
            for one, other in zip(
                *map(jax.tree.leaves, (found, expected)), strict=True
            ):
                np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(training.traces) == 1
    assert float(state.totals.examples) == 2 * 3 * BATCH


def test_strict_fair_statistics_are_the_means_of_the_paths_that_used_them(
    supernet, train, task, build_training
):
    archs = [[0, 1], [1, 0], [2, 1]]
    options = SupernetOptions(sampler="strict_fair", **PLAIN)
    training = build_training(options, fixed_paths(*archs))
    order = epoch_order(jax.random.key(0), 0, len(train))
    ((images, _),) = batches(train, task, order, 1)
    stats = training.state.stats
    apply = jax.jit(functools.partial(supernet.apply, mode="train"))
    found = []
    for arch in jnp.asarray(archs):
        path = take_path(training.state.params, arch), take_path(stats, arch)
        found.append(copy(apply(*path, arch, images)[1]))
    expected = {
        "fixed": [
            np.mean([path["fixed"][block] for path in found], axis=0)
            for block in range(3)
        ],
        "layers": [
            np.stack([found[path]["layers"][0] for path in range(3)]),
            np.stack(
                [
                    found[1]["layers"][1],
                    (found[0]["layers"][1] + found[2]["layers"][1]) / 2,
                ]
            ),
        ],
    }
    state = training.step_fn(training.state, order)
    assert jax.tree.structure(state.stats) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (state.stats, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_strict_fair_leaves_ops_alone_that_no_path_visits(train, build_training):
    options = SupernetOptions(sampler="strict_fair", **PLAIN)
    training = build_training(options, fixed_paths([0, 1], [1, 1]))
    order = epoch_order(jax.random.key(0), 0, len(train))
    # Momenta that would move every row, with or without a gradient.
    moments = map_slots(
        lambda slots: jax.tree.map(jnp.ones_like, slots),
        training.state.params,
        training.state.moments,
    )
    state = training.state.replace(moments=moments)
    before = copy((state.params, trace_of(state)))
    state = training.step_fn(state, order)
    for old, new in zip(before, copy((state.params, trace_of(state))), strict=True):
        np.testing.assert_array_equal(new["layers"][0][2], old["layers"][0][2])
        np.testing.assert_array_equal(new["layers"][1][0], old["layers"][1][0])
        for layer, op in ((0, 0), (0, 1), (1, 1)):
            assert (new["layers"][layer][op] != old["layers"][layer][op]).any()


def test_augmentation_and_batch_follow_the_step(train, task, build_training):
    """The same state but for its step sees another batch, augmented anew."""
    options = SupernetOptions(sampler="fair", **PLAIN)
    task = task.with_options(ImageTraining(crop_padding=2, flip=True))
    order = epoch_order(jax.random.key(0), 0, len(train))
    losses = []
    training = build_training(options, fixed_paths([0, 0]), task=task)
    for step in (0, 0, 1, 3):  # 3 has the batch of 0, as epochs have three steps
        start = jax.tree.map(jnp.copy, training.state).replace(step=jnp.int32(step))
        losses.append(float(training.step_fn(start, order).totals.loss))
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


def test_divergence_ends_with_one_clear_error(
    train, task, space, supernet, build_training
):
    options = SupernetOptions(
        sampler="fair", **PLAIN | {"learning_rate": 1e30, "epochs": 3}
    )
    sampler = make_sampler(options, space, supernet.cost_table())
    training = build_training(options, sampler)
    with pytest.raises(
        NonFiniteLossError, match=r"tiny: the mean loss of epoch \d is (nan|inf); try"
    ):
        run_epochs(
            training.state,
            training.step_fn,
            key=jax.random.key(0),
            task=task,
            num_examples=len(train),
            steps_per_epoch=3,
            epochs=3,
            on_epoch=lambda state, report: state,
            progress=lambda steps, total, label: steps,
            description="tiny",
            should_stop=lambda: False,
        )


def test_map_slots_changes_mirrors_of_the_parameters_alone(supernet):
    params, _ = supernet.init(jax.random.key(0))
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.sgd(lambda step: 0.1, momentum=0.9)
    )
    moments = optimizer.init(params)
    path = map_slots(lambda slots: take_path(slots, jnp.int32([1, 0])), params, moments)
    trace = optax.tree_utils.tree_get(path, "trace")
    assert [row.ndim for row in trace["layers"]] == [1, 1]
    newer = optax.tree_utils.tree_set(path, count=jnp.int32(5))
    back = map_slots(lambda old, new: old, params, moments, newer)
    assert int(optax.tree_utils.tree_get(back, "count")) == 5
    assert jax.tree.structure(back) == jax.tree.structure(moments)
    found = optax.tree_utils.tree_get(back, "trace")["layers"][0]
    assert found.shape == params["layers"][0].shape
