"""The stand-alone network of a cell: what drop-path leaves out, and its arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import stats

from qnas_jax.nets import CellSubnet, set_mode
from qnas_jax.spaces import CellSpace

NUM = 3000


def subnet_of(arch, cells=1):
    space = CellSpace(
        "one", (2, 2, 2), 2, num_nodes=3, features=2, stages=1, cells=cells
    )
    subnet = CellSubnet(space, arch, rngs=nnx.Rngs(0))
    set_mode(subnet, "running")
    return subnet


def same_image():
    image = np.random.default_rng(0).standard_normal((1, 2, 2, 2), dtype=np.float32)
    return jnp.asarray(np.repeat(image, NUM, axis=0))


def test_an_edge_is_left_out_at_the_rate_and_scaled_else():
    """Edge 0-2 is a convolution, the way over node 1 is nothing at all."""
    subnet = subnet_of([0, 3, 0])
    images = same_image()
    rate = 0.3
    features = []
    head = subnet.head[0]
    subnet.head[0] = lambda values: features.append(values) or head(values)
    subnet(images, drop_path=rate, key=jax.random.key(0))
    subnet(images[:1])
    dropping, (full,) = features
    kept = np.any(np.asarray(dropping) != 0, axis=(1, 2, 3))
    assert stats.binomtest(int((~kept).sum()), NUM, rate).pvalue > 1e-3
    want = np.broadcast_to(full / (1 - rate), dropping[kept].shape)
    np.testing.assert_allclose(dropping[kept], want, rtol=1e-5)


def test_rates_grow_with_the_depth_and_skips_stay():
    subnet = subnet_of([1, 1, 3], cells=2)
    rates = []

    def spy(self, values, *, rate=0.0, key=None):
        rates.append(rate)
        return call(self, values, rate=rate, key=key)

    cell = type(subnet.stages[0][0])
    call = cell.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell, "__call__", spy)
        subnet(same_image()[:2], drop_path=0.4, key=jax.random.key(0))
    np.testing.assert_allclose(rates, [0.2, 0.4])
    skips = subnet_of([1, 1, 1])
    images = same_image()[:4]
    dropping = skips(images, drop_path=0.9, key=jax.random.key(1))
    np.testing.assert_array_equal(dropping, skips(images))


def test_drop_path_needs_a_key():
    with pytest.raises(ValueError, match="drop_path: got 0.1 without a key"):
        subnet_of([1, 1, 1])(same_image()[:1], drop_path=0.1)
