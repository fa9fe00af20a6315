"""What stands behind the layers of a network for text: one answer, or one a word.

Sources: Collobert et al. 2011 and Kim 2014 (the maximum over the words), Iyyer et al.
2015 (the mean).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import normal_param
from qnas_jax.nets.precision import exact
from qnas_jax.nets.text.layers import WordNorm

POOLINGS = ("mean", "root", "max")
_LOWEST = -1e30  # below every feature; finite, so that gradients are


class TextPool(nnx.Module):
    """Normalised features of the words that are there, as those of the sentence.

    Their mean or their maximum over the words; `root`: their sum by the root of the
    number of words, so that a word counts for more in a long sentence than in the mean.

    Raises:
      UserError: other channels behind than in front, or another pooling.
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
        del rngs, stride
        if out_features != in_features:
            raise UserError(
                f"text_pool: got {in_features} -> {out_features} features, expected "
                "the same number"
            )
        if pooling not in POOLINGS:
            raise UserError(
                f"text_pool: got pooling {pooling!r}, expected one of "
                f"{', '.join(POOLINGS)}"
            )
        self.norm = WordNorm(in_features - 1)
        self.pooling = pooling

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, C], 1 at last; zeros of a sentence without a word."""
        there = values[..., -1:] > 0
        features = self.norm(exact(values[..., :-1]))
        count = there.sum(axis=1)
        if self.pooling == "max":
            most = jnp.where(there, features, _LOWEST).max(axis=1)
            pooled = jnp.where(count > 0, most, 0)
        else:
            words = jnp.maximum(count, 1).astype(features.dtype)
            by = jnp.sqrt(words) if self.pooling == "root" else words
            pooled = jnp.where(there, features, 0).sum(axis=1) / by
        return jnp.concatenate([pooled, count > 0], axis=-1).astype(values.dtype)


class TextLogits(nnx.Module):
    """Of each word normalised features, and a linear layer with bias.

    Weights start as normal(0, 0.01), as those of other classifiers.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del stride
        self.norm = WordNorm(in_features - 1)
        self.kernel = normal_param(rngs, (in_features - 1, out_features), 0.01)
        self.bias = nnx.Param(jnp.zeros(out_features))

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> logits [N, T, classes]."""
        features = self.norm(values[..., :-1])
        bias = self.bias[...].reshape(1, 1, -1)
        return jnp.dot(features, self.kernel[...]) + bias


TEXT_HEADS: dict[str, type[nnx.Module]] = {
    "text_pool": TextPool,
    "text_logits": TextLogits,
}
