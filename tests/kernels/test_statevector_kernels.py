"""One test body for every form of the state-vector kernels, and second oracles."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from plain_qaoa import X, plain_expectation, plain_qaoa, qaoa_inputs

from qnas_jax.kernels import (
    apply_phases,
    cos_sin,
    mixer,
    multi_angle_state,
    phases,
    qaoa_expectation,
    qaoa_state,
    quadratic,
    quadratic_diagonal,
    rotate_x,
)


def random_state(num_qubits, seed=0):
    rng = np.random.default_rng(seed)
    state = rng.standard_normal((2, 2**num_qubits))
    state = state[0] + 1j * state[1]
    return state / np.linalg.norm(state)


def kronecker_mixer(angles):
    matrix = np.eye(1)
    for angle in angles:  # qubit 0 is the most significant
        matrix = np.kron(matrix, scipy.linalg.expm(-1j * angle * X))
    return matrix


@pytest.mark.parametrize("form", mixer.FORMS)
@pytest.mark.parametrize("num_qubits", [1, 2, 3, 5, 8, 9])
def test_rotate_x_is_a_kronecker_product(form, num_qubits):
    state = random_state(num_qubits)
    angles = np.random.default_rng(1).uniform(-4, 4, num_qubits)
    run = functools.partial(rotate_x, jnp.complex64(state), implementation=form)
    each = run(jnp.float32(angles))
    assert each.dtype == jnp.complex64
    np.testing.assert_allclose(each, kronecker_mixer(angles) @ state, atol=5e-7)
    same = kronecker_mixer([0.3] * num_qubits) @ state
    np.testing.assert_allclose(run(0.3), same, atol=5e-7)


@pytest.mark.parametrize("form", mixer.FORMS)
def test_rotate_x_by_hand(form):
    state = jnp.array([1, 0, 0, 0], jnp.complex64)
    half_turn = rotate_x(state, jnp.array([np.pi / 2, 0.0]), implementation=form)
    np.testing.assert_allclose(half_turn, [0, 0, -1j, 0], atol=1e-6)


@pytest.mark.parametrize("form", mixer.FORMS)
def test_rotate_x_hands_on_gradients(form):
    """To the state and to each angle, against the Kronecker product in float64."""
    state, weights = random_state(5, 1), np.arange(32.0)
    angles = np.linspace(-1, 1, 5)

    def value(state, angles):
        moved = rotate_x(state, angles, implementation=form)
        return jnp.sum(jnp.asarray(weights, moved.real.dtype) * jnp.abs(moved) ** 2)

    with jax.enable_x64(True):
        to_state, to_angles = jax.jit(jax.grad(value, argnums=(0, 1)))(
            jnp.asarray(state), jnp.asarray(angles)
        )
    matrix = kronecker_mixer(angles)
    wanted = 2 * np.conj(matrix.conj().T @ (weights * (matrix @ state)))
    np.testing.assert_allclose(to_state, wanted, atol=1e-12)
    for qubit in range(5):
        step = 1e-5 * np.eye(5)[qubit]
        ends = [
            weights @ np.abs(kronecker_mixer(angles + s) @ state) ** 2
            for s in (step, -step)
        ]
        np.testing.assert_allclose(
            to_angles[qubit], (ends[0] - ends[1]) / 2e-5, atol=1e-7
        )


@pytest.mark.parametrize("form", phases.FORMS)
def test_cosine_and_sine(form):
    rng = np.random.default_rng(0)
    near = np.concatenate([np.linspace(-10, 10, 4001), [0.0, -0.0, np.pi / 4]])
    for angles in (near, rng.uniform(-8000, 8000, 100_000)):
        angles = np.float32(angles)
        found = jax.jit(functools.partial(cos_sin, implementation=form))(angles)
        exact = angles.astype(float)
        np.testing.assert_allclose(found[0], np.cos(exact), atol=2e-7)
        np.testing.assert_allclose(found[1], np.sin(exact), atol=2e-7)


@pytest.mark.parametrize("form", phases.FORMS)
def test_phases(form):
    state, diagonal = random_state(6), np.random.default_rng(2).normal(0, 5, 64)
    run = functools.partial(apply_phases, implementation=form)
    found = run(jnp.complex64(state), 0.7, jnp.float32(diagonal))
    np.testing.assert_allclose(found, np.exp(-0.7j * diagonal) * state, atol=1e-6)
    batch = run(jnp.complex64(np.stack([state, 2 * state])), 0.7, jnp.float32(diagonal))
    np.testing.assert_allclose(batch[1], 2 * found, atol=1e-7)

    def real_part(angle):
        return run(jnp.complex64(state), angle, jnp.float32(diagonal)).real.sum()

    slope = np.real(-1j * diagonal * np.exp(-0.7j * diagonal) * state).sum()
    np.testing.assert_allclose(jax.grad(real_part)(0.7), slope, rtol=1e-4)


def test_phases_of_planes():
    """By hand: a quarter turn makes i into 1 and 1 into -i."""
    planes = jnp.array([0.0, 1.0, 0.6]), jnp.array([1.0, 0.0, -0.8])
    angles = jnp.array([np.pi / 2, np.pi / 2, 0.3])
    found = phases.shift_planes(planes, angles)
    np.testing.assert_allclose(found[0][:2], [1, 0], atol=1e-6)
    np.testing.assert_allclose(found[1][:2], [0, -1], atol=1e-6)
    wanted = apply_phases(jax.lax.complex(*planes), 1.0, angles)
    np.testing.assert_allclose(found[0] + 1j * found[1], wanted, atol=1e-6)


@pytest.mark.parametrize("form", quadratic.FORMS)
@pytest.mark.parametrize("num_bits", [1, 2, 3, 7, 10])
def test_quadratic_diagonal_is_the_sum_of_its_terms(form, num_bits):
    rng = np.random.default_rng(num_bits)
    linear, full = rng.normal(size=num_bits), rng.normal(size=(num_bits, num_bits))
    found = quadratic_diagonal(
        jnp.float32(linear), jnp.float32(full), 0.5, implementation=form
    )
    assert found.dtype == jnp.float32
    for index in range(2**num_bits):
        bits = np.array([index >> place & 1 for place in range(num_bits)])[::-1]
        want = 0.5 + linear @ bits + bits @ np.triu(full, 1) @ bits
        np.testing.assert_allclose(found[index], want, atol=2e-5)


def test_quadratic_diagonal_by_hand():
    """Bit 0 is the most significant: 01 costs l_1, 10 costs l_0."""
    pairs = jnp.array([[9.0, 4.0], [9.0, 9.0]])
    found = quadratic_diagonal(jnp.array([1.0, 2.0]), pairs, 10.0)
    np.testing.assert_array_equal(found, [10, 12, 11, 17])


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
@pytest.mark.parametrize("num_qubits", [1, 2, 5, 8, 11])
def test_qaoa_state_and_value(form, num_qubits):
    terms, gammas, betas = qaoa_inputs(num_qubits, 3, 1)
    same = betas[:, :1] * np.ones((1, num_qubits))
    arguments = [jnp.float32(a) for a in (terms[0], gammas[:, 0], betas[:, 0])]
    state = qaoa_state(*arguments, implementation=form)
    np.testing.assert_allclose(state, plain_qaoa(terms, gammas, same), atol=1e-6)
    value = qaoa_expectation(*arguments, implementation=form)
    scale = np.abs(terms).max()
    want = plain_expectation(terms, gammas, same)
    np.testing.assert_allclose(value / scale, want / scale, atol=1e-6)


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
def test_an_angle_for_each_term_of_a_quadratic_form(form):
    """The same as the terms written out, and its gradients."""
    rng = np.random.default_rng(7)
    linear, pairs = rng.normal(size=4), rng.normal(size=(4, 4))
    gammas, betas = rng.uniform(-1, 1, (2, 4, 4)), rng.uniform(-1, 1, (2, 4))
    bits = np.array([[x >> i & 1 for i in (3, 2, 1, 0)] for x in range(16)])
    places = [(i, j) for i in range(4) for j in range(i, 4)]
    terms = np.array(
        [
            linear[i] * bits[:, i] if i == j else pairs[i, j] * bits[:, i] * bits[:, j]
            for i, j in places
        ]
    )
    picked = np.array([[gamma[place] for place in places] for gamma in gammas])
    run = functools.partial(multi_angle_state, implementation=form)
    state = run(*map(jnp.float32, (linear, pairs, gammas, betas)))
    np.testing.assert_allclose(state, plain_qaoa(terms, picked, betas), atol=1e-6)

    def value(run, *arguments):
        return jnp.sum(jnp.abs(run(*arguments)) ** 2 * np.arange(16.0))

    def plain(gammas, betas):
        picked = np.array([[gamma[place] for place in places] for gamma in gammas])
        return np.abs(plain_qaoa(terms, picked, betas)) ** 2 @ np.arange(16.0)

    with jax.enable_x64(True):
        slopes = jax.jit(jax.grad(functools.partial(value, run), argnums=(2, 3)))
        found = slopes(*map(jnp.asarray, (linear, pairs, gammas, betas)))
    for place, slope in enumerate(found):
        assert_known_close(slope, central_differences(plain, (gammas, betas), place))


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
@pytest.mark.parametrize("num_qubits", [3, 6])
def test_multi_angle_qaoa(form, num_qubits):
    inputs = qaoa_inputs(num_qubits, 2, 4)
    state = qaoa_state(*map(jnp.float32, inputs), implementation=form)
    np.testing.assert_allclose(state, plain_qaoa(*inputs), atol=1e-6)
    value = qaoa_expectation(*map(jnp.float32, inputs), implementation=form)
    np.testing.assert_allclose(value, plain_expectation(*inputs), atol=2e-5)


def assert_known_close(found, wanted):
    known = ~np.isnan(wanted)
    assert known.any()
    np.testing.assert_allclose(np.asarray(found)[known], wanted[known], atol=1e-8)


def central_differences(function, arguments, place, step=1e-5):
    slope = np.full(arguments[place].shape, np.nan)
    places = list(np.ndindex(slope.shape))
    for index in places[:: max(1, len(places) // 12)]:
        ends = []
        for sign in (1, -1):
            moved = [np.array(a) for a in arguments]
            moved[place][index] += sign * step
            ends.append(function(*moved))
        slope[index] = (ends[0] - ends[1]) / (2 * step)
    return slope


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
def test_multi_angle_gradients(form):
    """To some terms, gammas and betas, against finite differences in float64."""
    inputs = qaoa_inputs(5, 3, 2)
    run = functools.partial(qaoa_expectation, implementation=form)
    with jax.enable_x64(True):
        found = jax.jit(jax.grad(run, argnums=(0, 1, 2)))(*map(jnp.asarray, inputs))
    for place, slope in enumerate(found):
        want = central_differences(plain_expectation, inputs, place)
        assert_known_close(slope, want)


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
@pytest.mark.parametrize("num_qubits", [4, 7])
def test_gradients_of_two_angles_a_layer(form, num_qubits):
    terms, gammas, betas = qaoa_inputs(num_qubits, 2, 1)
    ones = np.ones((1, num_qubits))

    def plain(diagonal, gammas, betas):
        return plain_expectation(diagonal[None], gammas[:, None], betas[:, None] * ones)

    inputs = terms[0], gammas[:, 0], betas[:, 0]
    run = functools.partial(qaoa_expectation, implementation=form)
    with jax.enable_x64(True):
        found = jax.jit(jax.grad(run, argnums=(0, 1, 2)))(*map(jnp.asarray, inputs))
    for place, slope in enumerate(found):
        want = central_differences(plain, inputs, place)
        assert_known_close(slope, want)


@pytest.mark.parametrize("form", ["reference", "blocks", "products"])
def test_a_state_hands_on_gradients_too(form):
    """An overlap with a fixed state, which the phases of all amplitudes decide."""
    inputs = qaoa_inputs(4, 2, 1)
    target = random_state(4, 5)

    def overlap(gammas, betas):
        state = qaoa_state(jnp.asarray(inputs[0]), gammas, betas, implementation=form)
        return jnp.abs(jnp.vdot(jnp.asarray(target), state)) ** 2

    def plain(gammas, betas):
        return np.abs(np.vdot(target, plain_qaoa(inputs[0], gammas, betas))) ** 2

    with jax.enable_x64(True):
        slopes = jax.jit(jax.grad(overlap, argnums=(0, 1)))
        found = slopes(*map(jnp.asarray, inputs[1:]))
    for place, slope in enumerate(found):
        want = central_differences(plain, inputs[1:], place)
        assert_known_close(slope, want)


def test_a_batch_of_angles():
    terms, _, _ = qaoa_inputs(6, 2, 1)
    angles = jnp.float32(np.random.default_rng(3).uniform(-1, 1, (2, 5, 3)))
    one = jax.jit(functools.partial(qaoa_expectation, jnp.float32(terms[0])))
    slopes = jax.jit(jax.grad(one, argnums=(0, 1)))
    values, both = jax.jit(jax.vmap(one))(*angles), jax.jit(jax.vmap(slopes))(*angles)
    for setting in range(5):
        gammas, betas = angles[0, setting], angles[1, setting]
        np.testing.assert_allclose(values[setting], one(gammas, betas), atol=2e-6)
        for found, want in zip(both, slopes(gammas, betas), strict=True):
            np.testing.assert_allclose(found[setting], want, atol=2e-5)


def test_float32_error_of_values_and_slopes():
    """Against complex128, relative to the largest cost: eight layers of 14 qubits."""
    terms, gammas, betas = qaoa_inputs(14, 8, 1)
    arguments = [jnp.float32(a) for a in (terms[0], gammas[:, 0], betas[:, 0])]
    exact = [np.asarray(a, float) for a in arguments]
    same = exact[2][:, None] * np.ones((1, 14))
    want = plain_expectation(exact[0][None], exact[1][:, None], same)
    scale = np.abs(terms).max()
    assert abs(float(qaoa_expectation(*arguments)) - want) / scale < 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotate_x(jnp.ones(6), 0.1), r"rotate_x: got shape \(6,\)"),
        (lambda: rotate_x(jnp.ones(4), jnp.ones(3)), r"got angles \(3,\), expected"),
        (lambda: apply_phases(jnp.ones(4), 0.1, jnp.ones(2)), r"got state \(4,\)"),
        (lambda: quadratic_diagonal(jnp.ones(2), jnp.ones((2, 3))), r"got linear \(2"),
        (lambda: qaoa_state(jnp.ones(4), jnp.ones(2), jnp.ones(3)), r"got diagonal"),
        (lambda: qaoa_state(jnp.ones(5), jnp.ones(2), jnp.ones(2)), r"got diagonal"),
        (
            lambda: qaoa_state(jnp.ones(4), *2 * [jnp.ones(1)], implementation="fast"),
            "got 'fast', expected one of reference, blocks, products, tiles",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
