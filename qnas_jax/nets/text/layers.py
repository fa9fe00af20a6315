"""What ops for text are built of: normalisation of a word, attention, positions."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import Pointwise, pytorch_uniform

_FAR = -1e30  # a logit of what is not to be seen; finite, so that gradients are
_SLOWEST = 10_000.0  # steps of the slowest wave over its radian


class WordNorm(nnx.Module):
    """Layer normalisation (Ba et al. 2016): over the features of each word alone.

    Nothing is learnt of the batch, so padding and company make no difference.
    """

    def __init__(self, features: int):
        self.scale = nnx.Param(jnp.ones(features))
        self.bias = nnx.Param(jnp.zeros(features))

    def __call__(self, features: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, T, C]."""
        return normalise_words(features, self.scale[...], self.bias[...])


def normalise_words(
    features: jax.Array, scale: jax.Array, bias: jax.Array
) -> jax.Array:
    """Normalises over the features of each word, in float32 at least within.

    Args:
      features: [N, T, C].
      scale: [C], of the normalised features.
      bias: [C], added to them.

    Returns:
      [N, T, C], in the precision of the features.
    """
    exact = features.astype(jnp.promote_types(features.dtype, jnp.float32))
    mean = exact.mean(axis=-1, keepdims=True)
    variance = jnp.square(exact - mean).mean(axis=-1, keepdims=True)
    normal = (exact - mean) * jax.lax.rsqrt(variance + 1e-5)
    scale, bias = (each.reshape(1, 1, -1).astype(exact.dtype) for each in (scale, bias))
    return (normal * scale + bias).astype(features.dtype)


class SelfAttention(nnx.Module):
    """Words that look at each other (Vaswani et al. 2017), [N, T, C] -> [N, T, C].

    A causal one looks at itself and at earlier words only.

    Raises:
      UserError: the heads do not divide what they look at.
    """

    def __init__(
        self,
        features: int,
        inner: int,
        heads: int,
        *,
        causal: bool = False,
        rngs: nnx.Rngs,
    ):
        if heads < 1 or inner % heads:
            raise UserError(
                f"text_attention: got {heads} heads of {inner} channels, expected a "
                "divisor"
            )
        self.query, self.key, self.value = (
            Pointwise(features, inner, draw=pytorch_uniform, rngs=rngs)
            for _ in range(3)
        )
        self.project = Pointwise(inner, features, draw=pytorch_uniform, rngs=rngs)
        self.heads = heads
        self.causal = causal

    def __call__(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """Attends to the words that are there, bool [N, T, 1]."""
        count, length, _ = features.shape
        query, key, value = (
            product(features).reshape(count, length, self.heads, -1)
            for product in (self.query, self.key, self.value)
        )
        logits = attention_logits(query, key) * query.shape[-1] ** -0.5
        return self.project(attend(logits, value, there, causal=self.causal))


def attention_logits(query: jax.Array, key: jax.Array) -> jax.Array:
    """Products of what asks and what is asked, [N, T, H, c] each.

    Returns:
      [N, H, T, T], float32 at least, not scaled.
    """
    exact = jnp.promote_types(query.dtype, jnp.float32)
    return jnp.einsum("nqhc,nkhc->nhqk", query, key, preferred_element_type=exact)


def attend(
    logits: jax.Array, value: jax.Array, there: jax.Array, *, causal: bool
) -> jax.Array:
    """Mixes values by the softmax of logits.

    Args:
      logits: [N, H, T, T], words that look by words that are looked at.
      value: [N, T, H, c].
      there: bool [N, T, 1], which words there are to look at.
      causal: a word looks at itself and earlier ones only.

    Returns:
      [N, T, H c], in the precision of the values.
    """
    count, length = value.shape[:2]
    seen = there.reshape(count, 1, 1, length)
    if causal:
        seen = seen & jnp.tri(length, dtype=bool)[None, None]
    weights = jax.nn.softmax(jnp.where(seen, logits, _FAR), axis=-1)
    mixed = jnp.einsum(
        "nhqk,nkhc->nqhc",
        weights.astype(value.dtype),
        value,
        preferred_element_type=logits.dtype,
    )
    return mixed.astype(value.dtype).reshape(count, length, -1)


def positions(length: int, features: int) -> np.ndarray:
    """Sines and cosines of the places of words (Vaswani et al. 2017).

    Args:
      length: T.
      features: C.

    Returns:
      float32 [T, C]: sines in the first half of the features (the larger one), cosines
      in the second, from a radian a word to one in 10,000 words.
    """
    half = (features + 1) // 2
    rates = _SLOWEST ** -(np.arange(half) / max(half - 1, 1))
    angles = np.arange(length)[:, None] * rates
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
    return waves[:, :features].astype(np.float32)
