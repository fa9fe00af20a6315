"""What stands behind the layers: pooling over words, and logits of each word."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.text import TEXT_OPS

WORDS = [3, 4, 0]  # of each sentence


def values(features=5):
    rng = np.random.default_rng(0)
    there = np.arange(4) < np.array(WORDS)[:, None]
    own = rng.standard_normal((3, 4, features)) * there[..., None]
    return np.concatenate([own, there[..., None]], -1).astype(np.float32)


def normal(x, module):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * np.asarray(module.norm.scale[...]) + np.asarray(module.norm.bias[...])


def made(kind, out_features, randomise, **options):
    module = TEXT_OPS[kind](6, out_features, 1, rngs=nnx.Rngs(0), **options)
    nnx.update(module, randomise(nnx.state(module)))
    return module


@pytest.mark.parametrize("pooling", ["mean", "root", "max"])
def test_pooling(pooling, randomise):
    module = made("text_pool", 6, randomise, pooling=pooling)
    given = values()
    found = module(jnp.asarray(given))
    assert found.shape == (3, 6) and not np.asarray(found)[2].any()
    for row, sentence, words in zip(found[:2], given, WORDS, strict=False):
        x = normal(sentence[:words, :-1].astype(np.float64), module)
        by_hand = {
            "mean": x.sum(0) / words,
            "root": x.sum(0) / words**0.5,
            "max": x.max(0),
        }
        wanted = [*by_hand[pooling], 1]
        np.testing.assert_allclose(row, wanted, rtol=1e-5, atol=1e-6)
    # What lies behind the end of a sentence changes nothing, gradients stay finite.
    given[0, 3, :-1] = 9.0
    np.testing.assert_array_equal(module(jnp.asarray(given))[0], found[0])
    gradient = jax.grad(lambda x: module(x).sum())(jnp.asarray(given))
    assert np.isfinite(np.asarray(gradient)).all()
    assert not np.asarray(gradient)[0, 3].any()


def test_logits_of_each_word(randomise):
    module = made("text_logits", 7, randomise)
    given = values()
    x = normal(given[..., :-1].astype(np.float64), module)
    wanted = x @ np.asarray(module.kernel[...]) + np.asarray(module.bias[...])
    found = module(jnp.asarray(given))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert (
        sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module))) == 10 + 5 * 7 + 7
    )


def test_what_does_not_fit_is_one_line():
    with pytest.raises(
        UserError, match="got pooling 'sum', expected one of mean, root"
    ):
        TEXT_OPS["text_pool"](6, 6, 1, pooling="sum", rngs=nnx.Rngs(0))
    with pytest.raises(UserError, match="text_pool: got 6 -> 7 features, expected the"):
        TEXT_OPS["text_pool"](6, 7, 1, rngs=nnx.Rngs(0))
