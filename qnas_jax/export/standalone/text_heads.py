"""What stands behind the blocks for text, for inference: one answer, or one a word."""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.export.standalone.text import UNSEEN, WordNorm, Words, product


class TextPool(nnx.Module):
    """Normalised features of the words that are there, as those of the sentence.

    Their mean or maximum; `root`: their sum by the root of the number of words.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        pooling: str = "mean",
        rngs: nnx.Rngs,
    ):
        self.norm = WordNorm(in_features - 1)
        self.pooling = pooling

    def __call__(self, values: Words) -> jax.Array:
        """Features and `there` -> [N, C], the last channel 1; zeros of no word."""
        features, there = values
        normal = self.norm(features)
        count = there.astype(features.dtype).sum(axis=1)
        if self.pooling == "max":
            most = jnp.where(there, normal, UNSEEN).max(axis=1)
            pooled = jnp.where(count > 0.0, most, 0.0)
        else:
            words = jnp.maximum(count, 1.0)
            by = jnp.sqrt(words) if self.pooling == "root" else words
            pooled = jnp.where(there, normal, 0.0).sum(axis=1) / by
        return jnp.concatenate([pooled, jnp.minimum(count, 1.0)], axis=-1)


class TextLogits(nnx.Module):
    """Of each word normalised features, and a linear layer with bias."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.norm = WordNorm(in_features - 1)
        self.linear = product(in_features - 1, out_features, bias=True, rngs=rngs)

    def __call__(self, values: Words) -> jax.Array:
        """Features and `there` -> logits [N, T, classes]."""
        features, _ = values
        return self.linear(self.norm(features))
