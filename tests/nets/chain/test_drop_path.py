"""Drop-path: which layers, how often, and no change of the mean (Huang et al. 2016)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import stats

from qnas_jax.nets import ChainSubnet, set_mode
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op

BLOCK = op("mb", "mbconv", kernel=3, expansion=2)
NUM = 4000


def subnet_of(*shapes):
    """Layers (in, out, stride, op) between nothing and a linear head."""
    space = NetworkSpace(
        name="line",
        layers=tuple(Layer(i, o, stride, (each,)) for i, o, stride, each in shapes),
        stem=(),
        head=(
            fixed(shapes[-1][1], shapes[-1][1], 1, "global_average"),
            fixed(shapes[-1][1], 2, 1, "classifier"),
        ),
        input_shape=(3, 3, shapes[0][0]),
        num_classes=2,
    )
    subnet = ChainSubnet(space, [0] * len(shapes), rngs=nnx.Rngs(0))
    set_mode(subnet, "running")
    return subnet


def same_image(features=4, num=NUM):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((1, 3, 3, features), dtype=np.float32)
    return jnp.asarray(np.repeat(image, num, axis=0))


def test_one_layer_is_left_out_at_the_rate_and_the_mean_is_kept():
    subnet = subnet_of((4, 4, 1, BLOCK))
    images = same_image()
    rate = 0.3
    logits = np.asarray(subnet(images, drop_path=rate, key=jax.random.key(0)))
    full = np.asarray(subnet(images[:1]))[0]
    layer = subnet.layers[0]
    subnet.layers[0] = lambda values: values
    without = np.asarray(subnet(images[:1]))[0]
    subnet.layers[0] = layer
    kept = without + (full - without) / (1 - rate)
    dropped = np.isclose(logits, without, atol=1e-6).all(axis=1)
    assert not np.isclose(full, without, atol=1e-4).any()
    np.testing.assert_allclose(logits[~dropped], np.stack([kept] * sum(~dropped)), 1e-4)
    assert stats.binomtest(int(dropped.sum()), NUM, rate).pvalue > 1e-3
    error = logits.std(axis=0) / np.sqrt(NUM)
    assert np.all(np.abs(logits.mean(axis=0) - full) < 4 * error)


def test_rates_grow_in_proportion_to_the_depth():
    """Of two layers the first is left out half as often, independently."""
    subnet = subnet_of((4, 4, 1, BLOCK), (4, 4, 1, BLOCK))
    logits = subnet(same_image(), drop_path=0.4, key=jax.random.key(1))
    _, counts = np.unique(np.round(logits, 5), axis=0, return_counts=True)
    wanted = NUM * np.array([0.2 * 0.4, 0.2 * 0.6, 0.8 * 0.4, 0.8 * 0.6])
    assert len(counts) == 4
    assert stats.chisquare(np.sort(counts), np.sort(wanted)).pvalue > 1e-3


def test_rate_zero_and_no_rate_change_nothing():
    subnet = subnet_of((4, 4, 1, BLOCK), (4, 4, 1, BLOCK))
    images = same_image(num=3)
    plain = subnet(images)
    np.testing.assert_array_equal(subnet(images, drop_path=0.0), plain)
    np.testing.assert_array_equal(
        subnet(images, drop_path=0.0, key=jax.random.key(0)), plain
    )


@pytest.mark.parametrize(
    "layer",
    [
        (4, 6, 1, BLOCK),
        (4, 4, 2, BLOCK),
        (4, 4, 1, op("skip", "skip")),
        (4, 4, 1, op("projection", "projection")),
        (4, 4, 1, op("shuffle", "shuffle")),
    ],
)
def test_layers_without_a_residual_branch_stay(layer):
    subnet = subnet_of(layer)
    images = same_image(num=20)
    dropped = subnet(images, drop_path=0.9, key=jax.random.key(0))
    np.testing.assert_array_equal(dropped, subnet(images))


def test_the_key_decides():
    subnet = subnet_of((4, 4, 1, BLOCK))
    images = same_image(num=64)
    one, again, other = (
        subnet(images, drop_path=0.5, key=jax.random.key(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_rate_needs_a_key():
    with pytest.raises(ValueError, match="drop_path: got 0.2 without a key"):
        subnet_of((4, 4, 1, BLOCK))(same_image(num=1), drop_path=0.2)
