"""Expected gains of hypervolume against sampling, and batches chosen by them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.pareto.expected_volume import choose_batch, expected_gains
from qnas_jax.searching.pareto.hypervolume import hypervolume


def sampled_gains(means, deviations, front, reference, count=4000):
    draws = jax.random.normal(jax.random.key(0), (count, *means.shape))
    draws = means[None] + deviations[None] * draws

    def volume_with(point):
        return hypervolume(jnp.concatenate([front, point[None]]), reference)

    gains = jax.vmap(jax.vmap(volume_with))(draws) - hypervolume(front, reference)
    return np.asarray(gains.mean(axis=0)), np.asarray(gains.std(axis=0))


@pytest.mark.parametrize("objectives", [2, 3])
def test_gains_are_those_of_many_samples(objectives):
    keys = jax.random.split(jax.random.key(objectives), 3)
    front = jax.random.normal(keys[0], (6, objectives))
    front = front.at[1].set(-jnp.inf).at[2].set(-9.0)  # failed, behind the reference
    means = jax.random.normal(keys[1], (5, objectives))
    deviations = jax.random.uniform(keys[2], means.shape, minval=0.1, maxval=1.0)
    reference = jnp.full(objectives, -2.0)
    found = expected_gains(means, deviations, front, reference)
    expected, spread = sampled_gains(means, deviations, front, reference)
    np.testing.assert_allclose(found, expected, atol=float(5 * spread.max() / 63))


def test_without_deviation_a_gain_is_the_volume_that_is_added():
    front = jnp.array([[3.0, 1.0], [1.0, 3.0]])
    means = jnp.array([[2.0, 2.0], [0.5, 0.5], [4.0, 2.0], [1.0, 3.0]])
    gains = expected_gains(means, jnp.full((4, 2), 1e-6), front, jnp.zeros(2))
    np.testing.assert_allclose(gains, [1.0, 0.0, 4.0, 0.0], atol=1e-5)


def test_a_batch_is_spread_over_the_front():
    """The second of two equals adds nothing once the first is believed."""
    front = jnp.array([[3.0, 1.0]])
    means = jnp.array([[1.0, 3.0], [1.0, 3.0], [3.4, 1.0], [9.0, 9.0], [0.0, 0.0]])
    allowed = jnp.array([True, True, True, False, False])
    places, found = choose_batch(
        means, jnp.full((5, 2), 1e-3), front, jnp.zeros(2), allowed=allowed, count=4
    )
    assert found.tolist() == [True, True, True, False]
    assert places[:3].tolist() == [0, 2, 1]


def test_an_empty_front_is_no_obstacle():
    front = jnp.full((3, 2), -jnp.inf)
    gains = expected_gains(
        jnp.array([[1.0, 2.0]]), jnp.full((1, 2), 1e-3), front, jnp.zeros(2)
    )
    np.testing.assert_allclose(gains, [2.0], atol=1e-2)
