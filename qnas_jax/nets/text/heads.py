"""What stands behind the layers of a network for text: one answer, or one a word.

Sources: Collobert et al. 2011 and Kim 2014 (the maximum over the words).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import normal_param
from qnas_jax.nets.text.layers import WordNorm

POOLINGS = ("mean", "max", "half")
_LOWEST = -1e30  # below every feature; finite, so that gradients are


class TextPool(nnx.Module):
    """Normalised features of the words that are there, as those of the sentence.

    Their mean or their maximum over the words; `half`: the mean of the first half of
    the features (the smaller one), the maximum of the others.

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
        width = in_features - 1
        self.means = {"mean": width, "max": 0, "half": width // 2}[pooling]

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, C], 1 at last; zeros of a sentence without a word."""
        there = values[..., -1:] > 0
        features = self.norm(values[..., :-1])
        averaged, greatest = features[..., : self.means], features[..., self.means :]
        count = there.sum(axis=1)
        mean = jnp.where(there, averaged, 0).sum(axis=1) / jnp.maximum(count, 1)
        most = jnp.where(there, greatest, _LOWEST).max(axis=1)
        parts = mean, jnp.where(count > 0, most, 0), count > 0
        dtype = values.dtype
        return jnp.concatenate([part.astype(dtype) for part in parts], axis=-1)


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
