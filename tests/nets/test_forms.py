"""One test body for both forms of every registered space, in float32.

The first layers of each space on small images: padded paths side by side against paths
that switch one after the other. An activation has a kink, and a value within rounding
of it has another gradient on its other side: of the values here none is as near (in
float64 all agree to 1e-14, and inputs changed by 1e-7 move gradients as far).
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import CellSpace, fixed
from qnas_jax.spaces.registry import (
    BUILT_IN,
    FOR_LANGUAGE,
    FOR_SERIES,
    FOR_TEXT,
    SPACES,
)

CHANNELS, CLASSES = 2, 3
# Cells of cifar_small are those of nas_bench_201, layers of edge those of digits, and
# layers of text have the kinds of ops of text_tiny, those of language of language_tiny,
# those of series of series_tiny and the maximum of `series/test_series_family.py`.
# Smaller spaces have some of the ops of larger ones (`test_what_is_left_out`).
ALIKE = {
    "digits_tiny": "digits",
    "fbnet_l": "fbnet_s",
    "series_mini": "series_tiny",
    "text_mini": "text_tiny",
}
NAMES = sorted(
    BUILT_IN - {"cifar_small", "edge", "series", "text", "language"} - set(ALIKE)
)
STEPS = 24  # of series
SIDES = {"nas_bench_201": 4}  # 6 for all others
LAYERS = {  # 1 to 3 for all others: of those with many ops one
    "proxylessnas": slice(1, 2),
    "fbnet_s": slice(1, 2),
    "fbnet_l": slice(1, 2),
    "spos": slice(3, 5),
}
NARROWER = {"nas_bench_macro": 8, "spos": 4}

# Little is optimised: compiling takes nearly all of the time.
PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
jit = functools.partial(jax.jit, compiler_options=PLAIN)


def first_layers(name):
    """The beginning of a registered space, with a head that compiles quickly."""
    if name in FOR_TEXT | FOR_LANGUAGE:
        space = SPACES[name]((STEPS, CHANNELS), CLASSES, 20)
        return dataclasses.replace(space, layers=space.layers[:2])
    side = SIDES.get(name, 6)
    of_series = name in FOR_SERIES
    shape = (STEPS, CHANNELS) if of_series else (side, side, CHANNELS)
    space = SPACES[name](shape, CLASSES)
    if isinstance(space, CellSpace):
        return dataclasses.replace(space, num_nodes=3, stages=1, cells=2, features=4)
    by = NARROWER.get(name, 1)
    layers = tuple(
        dataclasses.replace(
            layer,
            in_features=layer.in_features // by,
            out_features=layer.out_features // by,
        )
        for layer in space.layers[LAYERS.get(name, slice(1, 3))]
    )
    before, width = layers[0].in_features, layers[-1].out_features
    return dataclasses.replace(
        space,
        layers=layers,
        stem=(
            fixed(
                CHANNELS, before, 1, "series_conv" if of_series else "conv", kernel=1
            ),
        ),
        head=(
            fixed(width, width, 1, "global_average"),
            fixed(width, CLASSES, 1, "classifier"),
        ),
    )


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_left_out_is_part_of_another(name):
    """All of its ops are among those that are compared there."""
    own, other = first_layers(name), first_layers(ALIKE[name])
    compared = {each for layer in other.layers for each in layer.ops}
    assert {each for layer in own.layers for each in layer.ops} <= compared


class Case:
    """A space with random weights, positive statistics, images and two paths.

    Layers have random ops; together the paths name every layer's last op.
    """

    def __init__(self, space, seed=0):
        rng = np.random.default_rng(seed)
        self.space = space
        shapes = jax.eval_shape(build_supernet(space).init, jax.random.key(0))
        self.params, self.stats = (
            jax.tree.map(draw, shape)
            for draw, shape in zip(
                (
                    lambda row: np.float32(0.3) * rng.standard_normal(row.shape, "f"),
                    lambda row: rng.uniform(0.5, 1.0, row.shape).astype("f"),
                ),
                shapes,
                strict=True,
            )
        )
        self.images = rng.standard_normal((6, *space.input_shape), "f")
        last = np.asarray(space.num_ops) - 1
        self.archs = np.stack([last, rng.integers(last)]).astype(np.int32)

    def gradients(self, form):
        """To parameters and inputs, in training; logits and new statistics."""
        supernet = build_supernet(self.space, form)

        def loss(params, inputs):
            logits, stats = supernet.apply_paths(
                params, self.stats, self.archs, inputs, mode="train"
            )
            weights = jnp.cos(jnp.arange(logits.size)).reshape(logits.shape)
            return jnp.sum(logits * weights), (logits, stats)

        gradient = jit(jax.grad(loss, (0, 1), has_aux=True))
        return gradient(self.params, self.images)

    def outputs(self, form, modes=("running", "batch")):
        """Logits and new statistics in other modes."""
        supernet = build_supernet(self.space, form)

        @jit
        def run(params, stats, inputs):
            return {
                mode: supernet.apply_paths(params, stats, self.archs, inputs, mode=mode)
                for mode in modes
            }

        return run(self.params, self.stats, self.images)


@pytest.fixture(autouse=True)
def library_convolutions():
    """Other forms of the kernels have tests of their own, and compile longer."""
    with force_implementation("reference"):
        yield


def assert_close(got, want, tolerance=2e-5):
    """All leaves within a tolerance of the largest value of each.

    All were within 1e-5 when this was written; twice that is for other processors.
    """

    def check(path, got, want):
        assert got.shape == want.shape and got.dtype == want.dtype
        scale = np.abs(want).max(initial=0.0)
        np.testing.assert_allclose(
            got, want, rtol=0, atol=tolerance * scale, err_msg=str(path)
        )

    jax.tree_util.tree_map_with_path(check, got, want)


def assert_only_own_gradients(case, gradient):
    """Rows of ops that no path has, and places behind an op's own, have none."""
    arrays = build_supernet(case.space).row_arrays("params")["layers"]
    for layer, matrix in enumerate(gradient["layers"]):
        for op, row in enumerate(np.asarray(matrix)):
            ends = [a.start + int(np.prod(a.shape)) for a in arrays[layer][op]]
            used = op in case.archs[:, layer]
            assert not row[max(ends, default=0) if used else 0 :].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_forms_agree_in_training(name):
    """Logits, new statistics, gradients to rows and to inputs."""
    case = Case(first_layers(name))
    got, want = case.gradients("padded"), case.gradients("switch")
    assert_close(got, want)
    for (gradient, _), _ in (got, want):
        assert_only_own_gradients(case, gradient)
        assert any(matrix.any() for matrix in gradient["layers"])


@pytest.mark.parametrize("name", NAMES)
def test_forms_agree_in_other_modes(name):
    case = Case(first_layers(name))
    assert_close(case.outputs("padded"), case.outputs("switch"))
