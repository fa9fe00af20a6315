"""A space of seconds, not minutes, and a registry that forgets what tests add."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.nets import OPS
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op


def make_tiny_space() -> NetworkSpace:
    """Three layers with 3, 2 and 1 ops, among them all kinds of state."""
    return NetworkSpace(
        name="tiny",
        layers=(
            Layer(
                4,
                4,
                1,
                (
                    op("mb2_se", "mbconv", kernel=3, expansion=2, attention="se"),
                    op("skip", "skip"),
                    op("mb1_k5_g2", "mbconv", kernel=5, expansion=1, groups=2),
                ),
            ),
            Layer(
                4,
                8,
                2,
                (op("projection", "projection"), op("shuffle", "shuffle", kernel=3)),
            ),
            Layer(8, 8, 1, (op("mb2_eca", "mbconv", expansion=2, attention="eca"),)),
        ),
        stem=(fixed(2, 4, 1, "conv", kernel=3),),
        head=(
            fixed(8, 12, 1, "conv", kernel=1),
            fixed(12, 12, 1, "global_average"),
            fixed(12, 3, 1, "classifier"),
        ),
        input_shape=(6, 6, 2),
        num_classes=3,
    )


@pytest.fixture(scope="session")
def tiny_space() -> NetworkSpace:
    return make_tiny_space()


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Five images that fit the tiny space, float32 [5, 6, 6, 2]."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((5, 6, 6, 2), dtype=np.float32)


@pytest.fixture(scope="session")
def randomise():
    """Gives all arrays of a tree random values, variances positive ones.

    Fresh weights hide mistakes: scales of 1, offsets and means of 0.
    """

    def change(state, seed=0):
        rng = np.random.default_rng(seed)

        def draw(path, leaf):
            if "var" in jax.tree_util.keystr(path):
                return jnp.asarray(rng.uniform(0.5, 2.0, leaf.shape), jnp.float32)
            return jnp.asarray(0.5 * rng.standard_normal(leaf.shape), jnp.float32)

        return jax.tree_util.tree_map_with_path(draw, state)

    return change


@pytest.fixture
def ops_registry():
    """The registry of ops; what a test registers is taken back."""
    before = dict(OPS)
    yield OPS
    OPS.clear()
    OPS.update(before)


@pytest.fixture(scope="session")
def arrays_of():
    """Reads a module's arrays as {dotted path: float64}."""

    def read(module, *kinds):
        state = nnx.state(module, *kinds)
        return {
            ".".join(map(str, path)): np.asarray(variable[...], np.float64)
            for path, variable in nnx.to_flat_state(state)
        }

    return read
