"""Observed frequencies against the exact distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from qnas_jax.searching.observation import (
    balanced_archs,
    draw_uniforms,
    observe,
    own_ops,
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.searching.registers.qbit import (
    code_bits,
    draw_code,
    num_qbits,
    register_probabilities,
)


def rejection_distribution(angles, num_ops):
    """Drawing all bits until the code is valid, summed by brute force in float64."""
    angles = angles.astype(np.float64)
    weights = []
    for code in range(num_ops):
        bits = [code >> shift & 1 for shift in reversed(range(len(angles)))]
        pairs = zip(angles, bits, strict=True)
        amplitudes = [np.sin(a) if b else np.cos(a) for a, b in pairs]
        weights.append(np.prod(np.square(amplitudes)))
    return np.asarray(weights) / np.sum(weights)


@pytest.mark.parametrize("num_ops", [2, 3, 4, 5, 9, 16])
def test_q_bit_registers_are_observed_without_bias(num_ops):
    width = (num_ops - 1).bit_length()
    rng = np.random.default_rng(num_ops)
    angles = rng.uniform(0.4, 1.2, width).astype(np.float32)
    expected = rejection_distribution(angles, num_ops)
    own = jnp.asarray(own_ops((num_ops,))[0])
    table = register_probabilities(jnp.asarray(angles), own)
    np.testing.assert_allclose(table, expected, atol=1e-6)

    draws = 40_000
    archs = observe(jax.random.key(num_ops), jnp.tile(table, (draws, 1, 1)))
    counts = np.bincount(np.asarray(archs)[:, 0], minlength=num_ops)
    assert scipy.stats.chisquare(counts, draws * expected).pvalue > 1e-3


def test_frequencies_agree_with_rejection_sampling():
    angles = np.array([1.1, 0.5, 0.9], np.float32)
    rng = np.random.default_rng(0)
    bits = rng.random((60_000, 3)) < np.square(np.sin(angles))
    codes = bits @ np.array([4, 2, 1])
    accepted = np.bincount(codes[codes < 5], minlength=5)
    own = jnp.asarray(own_ops((5,))[0])
    table = register_probabilities(jnp.asarray(angles), own)
    archs = observe(jax.random.key(1), jnp.tile(table, (40_000, 1, 1)))
    counts = np.bincount(np.asarray(archs)[:, 0], minlength=5)
    result = scipy.stats.chi2_contingency(np.stack([accepted, counts]))
    assert result.pvalue > 1e-3


def test_amplitudes_are_observed_by_their_squares():
    amplitudes = np.sqrt(np.array([0.05, 0.5, 0.15, 0.2, 0.1], np.float32))
    table = jnp.tile(jnp.square(amplitudes), (40_000, 1, 1))
    archs = np.asarray(observe(jax.random.key(2), table))[:, 0]
    counts = np.bincount(archs, minlength=5)
    expected = 40_000 * np.array([0.05, 0.5, 0.15, 0.2, 0.1])
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3


def test_layers_are_drawn_independently():
    table = jnp.full((20_000, 2, 2), 0.5)
    archs = np.asarray(observe(jax.random.key(3), table))
    joint = np.bincount(archs @ np.array([2, 1]), minlength=4)
    assert scipy.stats.chisquare(joint).pvalue > 1e-3


def test_impossible_ops_are_never_drawn():
    table = jnp.tile(jnp.array([0.0, 0.3, 0.0, 0.7, 0.0]), (20_000, 1, 1))
    assert set(np.unique(observe(jax.random.key(4), table))) == {1, 3}


def test_smaller_layers_use_their_own_ops_only():
    own = own_ops((2, 1, 5))
    np.testing.assert_array_equal(own.sum(axis=1), [2, 1, 5])
    for row, num_ops in zip(own, (2, 1, 5), strict=True):
        table = register_probabilities(jnp.full(3, np.pi / 4), jnp.asarray(row))
        np.testing.assert_allclose(table[:num_ops], 1 / num_ops, rtol=1e-6)
        np.testing.assert_array_equal(table[num_ops:], 0)


def test_registers_at_a_pole_still_have_valid_codes():
    """Both Q-bits at 1 name op 3 of 3; what is left is a distribution over the rest."""
    own = jnp.asarray(own_ops((3,))[0])
    table = register_probabilities(jnp.full(2, np.pi / 2), own)
    assert jnp.all(jnp.isfinite(table))
    np.testing.assert_allclose(table.sum(), 1, rtol=1e-6)


def test_code_bits_are_most_significant_first():
    np.testing.assert_array_equal(
        code_bits(np.arange(5), 3),
        [[0, 0, 0, 0, 1], [0, 0, 1, 1, 0], [0, 1, 0, 1, 0]],
    )
    assert code_bits(np.zeros((2, 4), int), 0).shape == (0, 2, 4)
    assert [num_qbits(count) for count in (1, 2, 3, 4, 5, 16)] == [0, 1, 2, 2, 3, 4]


@pytest.mark.parametrize("num_ops", [1, 2, 5, 16])
def test_drawing_a_code_is_observing_its_register(num_ops):
    """Both use the same uniform numbers, so they draw the same ops."""
    rng = np.random.default_rng(num_ops)
    own = jnp.asarray(own_ops((num_ops,))[0])
    angles = rng.uniform(0.1, 1.4, num_qbits(num_ops)).astype(np.float32)
    table = register_probabilities(jnp.asarray(angles), own)
    key = jax.random.key(5)
    archs = observe(key, jnp.tile(table, (500, 2, 1)))
    uniforms = draw_uniforms(key, 500, 2).reshape(-1)
    draw = jax.vmap(draw_code, in_axes=(0, None, None))
    codes = draw(uniforms, jnp.asarray(angles), own)
    assert np.mean(codes.reshape(500, 2) == archs) >= 0.999


def test_uniform_numbers_are_those_of_two_axes():
    key = jax.random.key(6)
    np.testing.assert_array_equal(
        draw_uniforms(key, 7, 3), jax.random.uniform(key, (7, 3))
    )


@pytest.mark.parametrize("num_ops", [(), (2, 0)])
def test_layers_without_ops_are_rejected(num_ops):
    with pytest.raises(ValueError, match="at least one"):
        own_ops(num_ops)


def test_random_archs_are_uniform_over_each_layers_ops():
    """6,000 draws of shares 1/2, 1, 1/3: six deviations of a share are 0.04."""
    archs = random_archs(jax.random.split(jax.random.key(0), 6000), (2, 1, 3))
    shares = jax.nn.one_hot(archs, 3).mean(axis=0)
    np.testing.assert_allclose(
        shares, [[1 / 2, 1 / 2, 0], [1, 0, 0], [1 / 3] * 3], atol=0.04
    )


def test_probabilities_by_asking_equal_a_count():
    """Five archs in generations of three are two generations."""
    num_ops, table = (3, 2), jnp.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]])

    def ask(key, state):
        return observe(key, jnp.tile(state[None], (3, 1, 1)))

    found = probabilities_by_asking(ask, table, num_ops, 3, least=5)
    expected = np.zeros((2, 3))
    for key in jax.random.split(jax.random.key(0), 2):
        for arch in np.asarray(ask(key, table)):
            expected[[0, 1], arch] += 1 / 6
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.sum(expected[0] > 0) > 1


def test_balanced_archs_have_each_op_equally_often():
    num_ops = (5, 2, 3, 1)
    keys = jax.random.split(jax.random.key(4), 300)
    archs = jax.vmap(lambda key: balanced_archs(key, 10, num_ops))(keys)
    archs = np.asarray(archs)
    for layer, count in enumerate(num_ops):
        each = (archs[:, :, layer, None] == np.arange(count)).sum(axis=1)
        assert each.min() >= 10 // count and each.max() <= -(-10 // count)
    # Alone an arch is uniformly random, and layers are independent.
    first = archs[:, 0]
    assert abs((first[:, 2] == 0).mean() - 1 / 3) < 0.1
    assert abs(np.corrcoef(archs[..., 0].ravel(), archs[..., 1].ravel())[0, 1]) < 0.06
