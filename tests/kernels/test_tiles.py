"""Alternating circuits in passes over tiles: plans, passes, values and gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plain_qaoa import plain_expectation, plain_qaoa, qaoa_inputs

from qnas_jax.kernels import alternating, mixer, qaoa_expectation, qaoa_state
from qnas_jax.kernels.tile_passes import Angles, Step, run_pass, undo_pass
from qnas_jax.kernels.tiles import Order, Shape, Swap, bit_runs, make_tiles

SMALL = Shape(1, 1, 1), Shape(1, 2, 1, wide=2)  # 3 bits forwards, 4 backwards


@pytest.fixture
def small_tiles(monkeypatch):
    form = alternating.tiles_form(SMALL)
    monkeypatch.setitem(alternating.FORMS, "small tiles", form)
    return "small tiles"


@pytest.mark.parametrize("shape", [Shape(), Shape(parts=4), Shape(4, 2, 3), *SMALL])
def test_tiles_rotate_every_bit_once(shape):
    for num_qubits in (shape.bits + 1, shape.bits + 7, 30):
        tiles = make_tiles(num_qubits, shape)
        turned = [bit for tile in tiles for bit in tile.turned]
        assert sorted(turned) == list(range(num_qubits))
        for tile in tiles:
            held = {*tile.order.threads, *tile.order.parts}
            assert set(tile.turned) <= held and len(held) <= shape.bits
            assert tile.num_programs * 2 ** len(held) == 2**num_qubits
            assert tile.order.threads[: shape.lanes] == tuple(range(shape.lanes))
            order, among_parts = tile.order, {*tile.order.parts}
            for swap in tile.swaps:
                order = order.after(swap)
                among_parts |= {*order.parts}
            assert set(tile.turned) <= among_parts
            for swap in tile.swaps[::-1]:
                order = order.after(swap)
            assert order == tile.order


def test_tiles_by_hand():
    """26 qubits in three groups: two passes a layer."""
    first, second, third = make_tiles(26, Shape())
    assert first.turned == tuple(range(13)) and first.free == ((13, 13),)
    assert first.swaps == (Swap(5, 3), Swap(0, 5))
    assert second.turned == tuple(range(13, 20))
    assert second.order.threads == (0, 1, 2, 3, 4, 5, 13, 14)
    assert second.free == ((6, 7), (20, 6)) and second.swaps == (Swap(6, 2),)
    assert third.turned == tuple(range(20, 26))
    order = Order((0, 1, 2, 3), (8, 9, 10)).after(Swap(1, 2))
    assert order == Order((0, 8, 9, 3), (1, 2, 10))
    assert bit_runs([3, 4, 5, 8, 0, 1]) == ((3, 3), (8, 1), (0, 2))


def layer_angles(num_qubits, gammas, betas, costs):
    by_bit = np.asarray(betas)[:, ::-1]
    turns = np.stack([np.tan(by_bit / 2), np.sin(by_bit)], axis=1).reshape(-1)
    return Angles(*map(jnp.float32, (costs, gammas, turns)))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_pass_acts_on_its_own_bits(place):
    """Mixer, phases and mixer of two layers on some qubits; undone, the state again."""
    num_qubits, rng = 6, np.random.default_rng(place)
    tile = make_tiles(num_qubits, SMALL[0])[place]
    costs, gammas = rng.normal(size=64), rng.normal(size=2)
    betas = np.zeros((2, num_qubits))
    qubits = [num_qubits - 1 - bit for bit in tile.turned]
    betas[:, qubits] = rng.normal(size=(2, len(qubits)))
    planes = tuple(jnp.float32(rng.normal(size=64)) for _ in range(2))
    angles, first = layer_angles(num_qubits, gammas, betas, costs), jnp.zeros(3, int)
    steps = Step("turn", 0), Step("phase", 1), Step("turn", 1)
    # Results take the place of the arguments where the backend can.
    found = run_pass(tile, steps, jax.tree.map(jnp.array, planes), angles, first)

    state = mixer.leave_frame(planes)
    state = mixer.rotate_x(state, jnp.float32(betas[0]), implementation="reference")
    state = state * jnp.exp(-1j * jnp.float32(gammas[1] * costs))
    state = mixer.rotate_x(state, jnp.float32(betas[1]), implementation="reference")
    np.testing.assert_allclose(mixer.leave_frame(found), state, atol=2e-6)

    undone = undo_pass(
        tile, steps[::-1], found, found, angles, first, each_bit=True, with_slopes=True
    )
    for back in (undone.planes, undone.adjoint):
        np.testing.assert_allclose(back, planes, atol=2e-6)
    # The norm does not depend on any angle.
    np.testing.assert_allclose(undone.sums, 0, atol=1e-4)
    np.testing.assert_allclose(undone.slopes, 0, atol=1e-5)


@pytest.mark.parametrize(("num_qubits", "num_layers"), [(4, 1), (5, 2), (7, 3)])
def test_states_and_values(small_tiles, num_qubits, num_layers):
    """Two and three groups of bits, even and odd numbers of layers."""
    terms, gammas, betas = qaoa_inputs(num_qubits, num_layers, 1)
    run = functools.partial(qaoa_state, implementation=small_tiles)
    each = run(*map(jnp.float32, (terms[0], gammas[:, 0], betas)))
    np.testing.assert_allclose(each, plain_qaoa(terms, gammas, betas), atol=1e-6)
    same = betas[:, :1] * np.ones((1, num_qubits))
    value = qaoa_expectation(
        *map(jnp.float32, (terms[0], gammas[:, 0], betas[:, 0])),
        implementation=small_tiles,
    )
    want = plain_expectation(terms, gammas, same)
    np.testing.assert_allclose(value, want, atol=1e-5)


@pytest.mark.parametrize(
    ("num_qubits", "num_layers", "num_terms", "each_qubit", "places"),
    [
        (5, 2, 1, False, (1, 2)),
        (6, 3, 1, True, (0, 1, 2)),
        (5, 1, 2, False, (0, 1, 2)),
    ],
)
def test_gradients(small_tiles, num_qubits, num_layers, num_terms, each_qubit, places):
    """Against differentiation of the reference, in float64."""
    terms, gammas, betas = qaoa_inputs(num_qubits, num_layers, num_terms)
    if num_terms == 1:
        terms, gammas = terms[0], gammas[:, 0]
    inputs = terms, gammas, betas if each_qubit else betas[:, 0]
    with jax.enable_x64(True):
        found, wanted = (
            jax.jit(
                jax.grad(
                    functools.partial(qaoa_expectation, implementation=form),
                    argnums=places,
                )
            )(*map(jnp.asarray, inputs))
            for form in (small_tiles, "reference")
        )
    for slope, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(slope, want, atol=1e-10)


def test_a_batch_of_gradients(small_tiles):
    terms, _, _ = qaoa_inputs(5, 2, 1)
    angles = jnp.float32(np.random.default_rng(3).uniform(-1, 1, (2, 3, 2)))

    def slopes(form):
        one = functools.partial(qaoa_expectation, implementation=form)
        batch = jax.vmap(jax.grad(one, argnums=(1, 2)), in_axes=(None, 0, 0))
        return jax.jit(batch)(jnp.float32(terms[0]), *angles)

    for found, want in zip(slopes(small_tiles), slopes("blocks"), strict=True):
        np.testing.assert_allclose(found, want, atol=3e-5)


def test_one_tile_is_refused():
    with pytest.raises(ValueError, match=r"tiles of 2\^13 amplitudes: got 5 qubits"):
        qaoa_state(jnp.ones(32), jnp.ones(1), jnp.ones(1), implementation="tiles")


def test_the_form_on_a_gpu_depends_on_the_size(monkeypatch):
    monkeypatch.setattr(alternating, "ON_GPU", ((1, "blocks"), (14, "tiles")))
    assert alternating.best_forms(13, "float32") == {"cpu": "blocks", "gpu": "blocks"}
    assert alternating.best_forms(14, "float32") == {"cpu": "blocks", "gpu": "tiles"}
    assert alternating.best_forms(14, "float64") == {"cpu": "blocks", "gpu": "blocks"}


@pytest.mark.skipif(
    jax.__version_info__ >= (0, 11), reason="JAX 0.11 lowers for GPUs on GPUs alone"
)
def test_kernels_are_made_of_what_the_gpu_compiler_has(monkeypatch):
    monkeypatch.setattr("qnas_jax.kernels.tile_passes._interpreted", lambda: False)
    slopes = jax.grad(
        functools.partial(qaoa_expectation, implementation="tiles"), argnums=(1, 2)
    )
    vectors = [jax.ShapeDtypeStruct((n,), jnp.float32) for n in (2**20, 2, 2)]
    text = jax.jit(slopes).trace(*vectors).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("xla.gpu.triton") >= 6
