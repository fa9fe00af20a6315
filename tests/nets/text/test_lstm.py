"""The LSTM layer: its cell against loops in NumPy, its parameters, its mask."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import special

from qnas_jax.errors import UserError
from qnas_jax.nets import count_macs
from qnas_jax.nets.text.lstm import Lstm

WORDS = [4, 6]  # of each sentence, of 6 places
FEATURES = 3


def values():
    rng = np.random.default_rng(0)
    there = np.arange(6) < np.array(WORDS)[:, None]
    own = rng.standard_normal((2, 6, FEATURES)) * there[..., None]
    return np.concatenate([own, there[..., None]], -1).astype(np.float32)


def states_of(direction, x):
    """A sentence [T, C] word for word, in float64; gates i, f, g, o."""
    inner, outer, bias = (
        np.asarray(each[...], np.float64)
        for each in (direction.inner, direction.outer, direction.bias)
    )
    width = len(outer)
    output, cell = np.zeros(width), np.zeros(width)
    states = np.zeros((len(x), width))
    order = range(len(x))
    for place in reversed(order) if direction.backwards else order:
        sums = [
            sum(x[place][k] * inner[k] for k in range(FEATURES)),
            sum(output[k] * outer[k] for k in range(width)),
            bias,
        ]
        i, f, g, o = np.sum(sums, axis=0).reshape(4, width)
        cell = special.expit(f) * cell + special.expit(i) * np.tanh(g)
        output = states[place] = special.expit(o) * np.tanh(cell)
    return states


@pytest.mark.parametrize(
    ("out_features", "options", "widths"),
    [(5, {}, (4,)), (6, {"both": True}, (3, 2)), (3, {"both": True}, (1, 1))],
)
def test_states_and_parameters(out_features, options, widths, randomise):
    module = Lstm(FEATURES + 1, out_features, 1, rngs=nnx.Rngs(0), **options)
    # By hand: four gates, each of the features, of the states and a bias.
    parameters = sum(4 * width * (FEATURES + width + 1) for width in widths)
    leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert sum(leaf.size for leaf in leaves) == parameters
    first = np.asarray(module.directions[0].bias[...])
    np.testing.assert_array_equal(first, np.repeat([0, 1, 0, 0], widths[0]))
    nnx.update(module, randomise(nnx.state(module)))
    given = values()
    found = np.asarray(module(jnp.asarray(given)))
    assert found.shape == (2, 6, out_features)
    for row, sentence, words in zip(found, given, WORDS, strict=True):
        x = sentence[:words, :-1].astype(np.float64)
        wanted = np.concatenate([states_of(d, x) for d in module.directions], -1)
        np.testing.assert_allclose(row[:words, :-1], wanted, rtol=1e-4, atol=1e-5)
        assert not row[words:].any() and row[:words, -1].all()
    macs = count_macs(module, jax.ShapeDtypeStruct((1, 6, FEATURES + 1), np.float32))
    assert macs == 6 * sum(4 * width * (FEATURES + width) for width in widths)


def test_what_lies_behind_the_end_changes_nothing(randomise):
    module = Lstm(FEATURES + 1, 5, 1, both=True, rngs=nnx.Rngs(0))
    nnx.update(module, randomise(nnx.state(module)))
    given = values()
    changed = given.copy()
    changed[0, 4:, :-1] = 7.0
    np.testing.assert_array_equal(
        module(jnp.asarray(given)), module(jnp.asarray(changed))
    )


def test_one_direction_sees_what_came_before():
    module = Lstm(FEATURES + 1, 5, 1, rngs=nnx.Rngs(0))
    given = values()
    changed = given.copy()
    changed[1, 3:, :-1] += 1.0
    before, after = (np.asarray(module(jnp.asarray(x)))[1] for x in (given, changed))
    np.testing.assert_array_equal(before[:3], after[:3])
    assert (before[3:, :-1] != after[3:, :-1]).any(-1).all()


@pytest.mark.parametrize(("out", "stride", "both"), [(5, 2, False), (2, 1, True)])
def test_what_does_not_fit_is_one_line(out, stride, both):
    with pytest.raises(UserError, match="text_lstm: got 4 -> .* features with stride"):
        Lstm(4, out, stride, both=both, rngs=nnx.Rngs(0))
