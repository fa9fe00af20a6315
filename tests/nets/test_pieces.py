"""Ops of a layer share the pieces that they have in common."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import build_op, set_mode
from qnas_jax.nets.build import abstract_op, op_templates
from qnas_jax.nets.flat import flatten_state
from qnas_jax.nets.pieces import op_template, pieces_of, plan_layer
from qnas_jax.nets.switching import run_layer
from qnas_jax.spaces import Layer, SpaceOptions, build_space, op


def test_the_blocks_of_proxylessnas_are_three_groups():
    space = build_space(SpaceOptions(name="proxylessnas"), (32, 32, 3), 10)
    layer = space.layers[1]
    plan = plan_layer(op_templates(layer), (32, 32, 24))
    names = [spec.name for spec in layer.ops]
    members = [
        {names[i].split("_")[0] for i in np.flatnonzero(plan.group_of == group)}
        for group in range(len(plan.groups))
    ]
    assert members == [{"mb1"}, {"mb3"}, {"mb6"}, {"skip"}]
    pieces = [[len(p.pieces) for p in group.positions] for group in plan.groups]
    # Expand; depth-wise k3 or k5; attention none, SE or ECA and project; norm.
    assert pieces == [[1, 1, 3, 1], [1, 2, 3, 1], [1, 2, 3, 1], [1]]
    assert [group.inner_size for group in plan.groups] == [
        32 * 32 * 24 * expansion for expansion in (1, 3, 6, 1)
    ]


LAYER = Layer(
    4,
    4,
    1,
    (
        op("a", "mbconv", expansion=2, kernel=3),
        op("b", "mbconv", expansion=2, kernel=5, attention="se"),
        op("c", "shuffle"),
        op("d", "mbconv", expansion=3, kernel=3),
    ),
)


@pytest.mark.parametrize("mode", ["train", "running"])
def test_a_layer_runs_the_op_that_is_named(mode, randomise):
    templates = op_templates(LAYER)
    images = jax.random.normal(jax.random.key(0), (6, 5, 5, 4))
    run = jax.jit(functools.partial(run_layer, templates, mode))
    forward = nnx.jit(lambda module, images: module(images))

    def flat(module, kind):
        return flatten_state([nnx.state(part, kind) for part in pieces_of(module)], 600)

    for index in range(len(templates)):
        module = build_op(LAYER, index, nnx.Rngs(0))
        nnx.update(module, randomise(nnx.state(module), seed=index))
        rows = [flat(module, kind) for kind in (nnx.Param, nnx.BatchStat)]
        set_mode(module, mode)
        got, stats = run(jnp.int32(index), *rows, images)
        wanted = forward(module, images)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
        wanted_stats = flat(module, nnx.BatchStat)  # the call has moved them
        np.testing.assert_allclose(stats, wanted_stats, rtol=1e-5, atol=1e-5)
        assert np.array_equal(stats, rows[1]) == (mode == "running")


def test_parts_of_a_batch_give_the_same_as_the_whole(monkeypatch, randomise):
    """Few images at once only if nothing is averaged over the batch."""
    templates = op_templates(LAYER)
    images = jax.random.normal(jax.random.key(0), (6, 5, 5, 4))
    width = max(t.param_starts[-1] for t in templates)
    stat_width = max(t.stat_starts[-1] for t in templates)
    rows = randomise((jnp.zeros(width), jnp.zeros(stat_width)))
    rows = rows[0], jnp.abs(rows[1]) + 0.5
    counts = []

    def two(size, count):
        counts.append((size, count))
        return 2

    def run_both(mode):
        run = jax.jit(functools.partial(run_layer, templates, mode))
        return [run(jnp.int32(k), *rows, images) for k in (0, 2)]

    for mode in ("running", "train"):
        whole = run_both(mode)
        with monkeypatch.context() as patch:
            patch.setattr("qnas_jax.nets.switching.images_at_once", two)
            counts.clear()
            parts = run_both(mode)
        assert bool(counts) == (mode == "running")
        for (got, _), (want, _) in zip(parts, whole, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_a_forced_form_reaches_pieces_that_were_traced_before():
    template = op_template(abstract_op(LAYER, 0), "a")
    rows = jnp.zeros(template.param_starts[-1]), jnp.zeros(template.stat_starts[-1])
    images = jnp.zeros((2, 5, 5, 4))

    def library_convolutions():
        def loss(params):
            return template.apply("train", params, rows[1], images)[0].sum()

        return str(jax.make_jaxpr(jax.grad(loss))(rows[0])).count("conv_general")

    assert library_convolutions() == 0
    with force_implementation("reference"):
        assert library_convolutions() > 0
    assert library_convolutions() == 0
