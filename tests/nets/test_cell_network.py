"""The network of a cell space against a second one, written with static Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plain_cell_network import Plain

from qnas_jax.nets import CellNetwork, cell_ops
from qnas_jax.nets.cell_ops import average_pool, normalise
from qnas_jax.spaces import CellSpace

ARCHS = [(3, 1, 2, 4, 3, 2), (0, 3, 1, 1, 0, 4), (2, 2, 2, 2, 2, 2), (0,) * 6]


@pytest.fixture(scope="module")
def network():
    return CellNetwork(
        CellSpace("small", (4, 6, 2), num_classes=3, features=2, stages=2, cells=2)
    )


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((3, 4, 6, 2))


def single(images):
    return jnp.asarray(images, jnp.float32)


def test_pooling_does_not_count_the_border():
    """By hand: corner (1+2+4+5)/4, edge (1+..+6)/6, centre 5."""
    values = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    found = np.asarray(average_pool(values))[0, ..., 0]
    np.testing.assert_allclose(
        found, [[3, 3.5, 4], [4.5, 5, 5.5], [6, 6.5, 7]], rtol=1e-6
    )


def test_normalisation_by_hand():
    """Values 1 and 3: mean 2, variance 1; a constant has no scale to report."""
    values = jnp.array([1.0, 3.0, 1.0, 3.0]).reshape(1, 2, 2, 1)
    output, log_spread = normalise(2 * values)
    np.testing.assert_allclose(np.ravel(output), [-1, 1, -1, 1], rtol=1e-5)
    np.testing.assert_allclose(log_spread, np.log(2), rtol=1e-6)
    output, log_spread = normalise(jnp.ones((1, 2, 2, 1)))
    assert not output.any() and log_spread == 0


@pytest.mark.parametrize("normal", [False, True])
def test_against_the_plain_network(network, images, normal):
    weights = network.init(jax.random.key(0), normal=normal)
    assert bool(weights.bias.any()) is not normal

    def passed(arch):
        path = network.path(weights, arch)
        return network.run(path, arch, single(images), watch=lambda v: v.mean()[None])

    found = jax.jit(lambda archs: jax.lax.map(passed, archs))(jnp.asarray(ARCHS))
    for place, arch in enumerate(ARCHS):
        plain = Plain()
        logits = plain.run(weights, arch, images)
        for name, want in (
            ("logits", logits),
            ("features", plain.features),
            ("watched", [sum(values.mean() for values in plain.relus)]),
            ("log_spread", sum(plain.spreads)),
            ("log_scale", 0.0),
        ):
            got = np.asarray(getattr(found, name)[place])
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-4, err_msg=name)


def test_without_normalisation(network, images):
    weights = network.init(jax.random.key(0))

    def passed(arch):
        return network.run(weights, arch, single(images), normalised=False)

    found = jax.jit(lambda archs: jax.lax.map(passed, archs))(jnp.asarray(ARCHS))
    for place, arch in enumerate(ARCHS):
        want = Plain(normalised=False).run(weights, arch, images)
        got = found.logits[place] * jnp.exp(found.log_scale[place])
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_gradients_against_automatic_ones(images):
    """The edges' own reverse rule against differentiating through the switches."""
    network = CellNetwork(CellSpace("one", (4, 6, 2), 3, features=2, stages=1, cells=1))
    weights = network.init(jax.random.key(1))

    def gradients(arch, inputs):
        def loss(weights, inputs):
            path = network.path(weights, arch)
            return jnp.square(network.run(path, arch, inputs).logits).sum()

        to_both = jax.grad(loss, argnums=(0, 1))(weights, inputs)
        to_images = jax.grad(loss, argnums=1)(weights, inputs)
        return to_both, to_images

    arch = jnp.asarray(ARCHS[0])
    own, own_images = jax.jit(gradients)(arch, single(images))
    plain = cell_ops.run_edge.fun
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qnas_jax.nets.cell_network.run_edge", plain)
        automatic, _ = jax.jit(gradients)(arch, single(images))
    for got, want in zip(
        jax.tree.leaves((own, own_images)),
        jax.tree.leaves((automatic, automatic[1])),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)


def test_initial_weights_fill_pytorchs_range():
    """Uniform within 1 / sqrt(inputs): standard deviation of that over sqrt(3)."""
    network = CellNetwork(CellSpace("wide", (4, 4, 3), 10, stages=2, cells=2))
    weights = network.init(jax.random.key(0))
    for array, inputs in (
        (weights.stem, 27),
        (weights.cells[1].point, 32),
        (weights.cells[1].full, 288),
        (weights.reductions[0].second, 288),
        (weights.classifier, 32),
    ):
        bound = inputs**-0.5
        assert 0.95 * bound < np.abs(array).max() <= bound
        assert np.std(array) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_layer_sums_count_only_what_is_there(network):
    """By hand: ones give the number of weights of each layer."""
    ones = jax.tree.map(jnp.ones_like, network.init(jax.random.key(0)))
    arch = jnp.asarray([3, 0, 0, 2, 1, 4])
    sums = np.asarray(network.layer_sums(network.path(ones, arch), arch))
    # Stem, classifier, the reduction block, then two cells of each stage.
    fixed = [9 * 2 * 2, 4 * 3, 9 * 2 * 4, 9 * 4 * 4, 2 * 4]
    cells = [9 * 2 * 2, 2 * 2] * 2 + [9 * 4 * 4, 4 * 4] * 2
    assert sorted(sums[sums > 0]) == sorted(fixed + cells)
