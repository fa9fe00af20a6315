"""Amplitude amplification: known figures, matrices, and one form against the other."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels.grover import (
    FORMS,
    amplify,
    best_iterations,
    success_probability,
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("num_marked", [1, 3, 6])
def test_against_matrices(form, num_marked):
    """Oracle and diffusion written out, N = 7."""
    rng = np.random.default_rng(num_marked)
    marked = np.zeros(7, bool)
    marked[rng.permutation(7)[:num_marked]] = True
    oracle = np.diag(np.where(marked, -1.0, 1.0))
    diffusion = 2 * np.full((7, 7), 1 / 7) - np.eye(7)
    for j in range(6):
        want = np.linalg.matrix_power(diffusion @ oracle, j) @ np.full(7, 7**-0.5)
        got = amplify(jnp.asarray(marked), j, implementation=form)
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("marks", [False, True])
def test_nothing_or_everything_marked(form, marks):
    got = amplify(jnp.full(5, marks), 3, implementation=form)
    np.testing.assert_allclose(np.abs(got), 5**-0.5, rtol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("num_marked", "iterations", "success"),
    [(1, 98, 0.99997), (156, 7, 0.9952), (157, 7, 0.9958)],
)
def test_15625_items(form, num_marked, iterations, success):
    """Figures worked out beforehand in double precision."""
    assert best_iterations(num_marked, 15_625) == iterations
    theta = math.asin(math.sqrt(num_marked / 15_625))
    exact = math.sin((2 * iterations + 1) * theta) ** 2
    assert exact == pytest.approx(success, abs=5e-5)
    probability = success_probability(num_marked, 15_625, iterations)
    assert probability == pytest.approx(exact, abs=2e-6)
    marked = jnp.asarray(np.arange(15_625) < num_marked)
    amplitudes = amplify(marked, iterations, implementation=form)
    assert jnp.sum(amplitudes[marked] ** 2) == pytest.approx(exact, abs=4e-6)
    assert jnp.sum(amplitudes**2) == pytest.approx(1.0, abs=4e-6)


def test_forms_agree_in_double_precision():
    with jax.enable_x64(True):
        marked = jnp.arange(1000) % 37 == 0
        for j in (0, 4, 50, 200):
            one, two = (amplify(marked, j, implementation=form) for form in FORMS)
            assert one.dtype == two.dtype == jnp.float64
            np.testing.assert_allclose(one, two, atol=1e-12)


def test_iterations_may_be_traced():
    marked = jnp.arange(10) < 2
    got = jax.jit(jax.vmap(amplify, in_axes=(None, 0)))(marked, jnp.arange(4))
    want = [amplify(marked, j, implementation="reference") for j in range(4)]
    np.testing.assert_allclose(got, np.stack(want), atol=1e-6)


def test_best_iterations_are_the_best():
    for num_marked in (1, 2, 5, 40, 99, 100):
        theta = math.asin(math.sqrt(num_marked / 100))
        chances = [math.sin((2 * j + 1) * theta) ** 2 for j in range(8)]
        j = int(best_iterations(num_marked, 100))
        assert chances[j] == pytest.approx(max(chances[: j + 2]), abs=1e-6)


def test_bad_marks():
    with pytest.raises(ValueError, match="expected bool"):
        amplify(jnp.ones(4), 1)
    with pytest.raises(ValueError, match="expected bool"):
        amplify(jnp.ones((2, 2), bool), 1)
