"""Candidate operations for text, [N, T, C] -> the same.

The last channel of a word is 1 where a sentence has one, 0 behind its end; so features
are one fewer than channels. Every op adds something to the features of the words that
are there; the mask passes, and features behind the end stay 0.

Sources: Kim 2014 (convolutions over words); Feng et al. 2024 (the recurrence); Vaswani
et al. 2017 (attention, feed-forward, positions), with the normalisation in front.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.families import Member
from qnas_jax.nets.layers import Pointwise, normal_param
from qnas_jax.nets.probing import relu
from qnas_jax.nets.series.layers import MinimalGatedUnit, SeriesConv
from qnas_jax.nets.text.families import (
    CausalTextAttentions,
    CausalTextConvs,
    TextAttentions,
    TextConvs,
)
from qnas_jax.nets.text.layers import SelfAttention, WordNorm, positions
from qnas_jax.spaces import WORD_BASE

_SCALE = 0.1
"""Of words at first: small, as a word that is seen a few times has as many steps to
become what it means, and normalisation hides how large it is."""
_POSITION_SCALE = 0.03
"""Of the waves of places: little, as the place of a word says little of a sentence."""


class TextEmbedding(nnx.Module):
    """Features of words by their numbers, positions added, and where words are.

    Inputs are numbers in two digits [N, T, 2], see `spaces.WORD_BASE`; 0 is no word. A
    number beyond the last word is taken for the last. `positions` is how large the
    waves of the places are, where words are 0.1 at first.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        words: int,
        positions: float = _POSITION_SCALE,
        rngs: nnx.Rngs,
    ):
        if in_features != 2 or stride != 1:
            raise UserError(
                f"text_embedding: got {in_features} features and stride {stride}, "
                "expected 2, the digits of a word's number, and 1"
            )
        self.table = normal_param(rngs, (words, out_features - 1), _SCALE)
        self.positions = positions

    def __call__(self, digits: jax.Array) -> jax.Array:
        """[N, T, 2] -> [N, T, C]."""
        whole = digits.astype(jnp.int32)
        numbers = whole[..., 0] * WORD_BASE + whole[..., 1]
        table = self.table[...]
        waves = self.positions * positions(digits.shape[1], table.shape[1])
        features = table[jnp.clip(numbers, 0, len(table) - 1)] + waves[None]
        there = (numbers > 0)[..., None]
        values = jnp.concatenate([features * there, there], axis=-1)
        return values.astype(digits.dtype)


class TextBlock(nnx.Module):
    """An op between normalised features and what is added to them.

    Raises:
      UserError: other channels behind than in front, or a stride.
    """

    def __init__(self, in_features: int, out_features: int, stride: int):
        if in_features != out_features or stride != 1:
            raise UserError(
                f"{type(self).__name__}: got {in_features} -> {out_features} features "
                f"with stride {stride}, expected the same number, and 1: ops for text "
                "keep their shape"
            )
        self.norm = WordNorm(in_features - 1)

    def norm_arrays(self) -> dict[str, nnx.Param]:
        """The variables of the normalisation by the names that families have."""
        return {"norm_scale": self.norm.scale, "norm_bias": self.norm.bias}

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added to the features, [N, T, C - 1]; anything behind the end.

        Args:
          features: [N, T, C - 1], normalised; 0 behind the end.
          there: bool [N, T, 1].
        """
        raise NotImplementedError

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, T, C]."""
        there = values[..., -1:] > 0
        features = jnp.where(there, self.norm(values[..., :-1]), 0.0)
        change = jnp.where(there, self.change(features, there), 0.0)
        return values + jnp.pad(change, ((0, 0), (0, 0), (0, 1)))


class TextConv(TextBlock):
    """Convolution over neighbouring words, ReLU, a product of the features.

    A causal one sees a word and those before it.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        causal: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride)
        width = in_features - 1
        self.conv = SeriesConv(width, width, kernel, 1, causal=causal, rngs=rngs)
        self.project = Pointwise(width, width, rngs=rngs)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        del there
        return self.project(relu(self.conv(features)))

    def in_family(self) -> Member | None:
        """One padded convolution; kernels of an even length reach to one side."""
        causal, kernel = self.conv.causal, self.conv.kernel
        if not causal and kernel.shape[0] % 2 == 0:
            return None
        return Member(
            CausalTextConvs if causal else TextConvs,
            {**self.norm_arrays(), "kernel": kernel, "project": self.project.kernel},
        )


class TextRecurrence(TextBlock):
    """A minimal gated recurrence over the words, from the first or from the last."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        backwards: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride)
        width = in_features - 1
        self.unit = MinimalGatedUnit(width, width, backwards=backwards, rngs=rngs)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        return self.unit(features, there)


class TextAttention(TextBlock):
    """Self-attention among the words of a sentence, or of each to those before it."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        heads: int = 1,
        causal: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride)
        self.attention = SelfAttention(
            in_features - 1, in_features, heads, causal=causal, rngs=rngs
        )

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        return self.attention(features, there)

    def in_family(self) -> Member:
        """One attention whose heads are data."""
        attention = self.attention
        products = {
            "query": attention.query,
            "key": attention.key,
            "value": attention.value,
            "project": attention.project,
        }
        return Member(
            CausalTextAttentions if attention.causal else TextAttentions,
            {
                **self.norm_arrays(),
                **{name: product.kernel for name, product in products.items()},
            },
            choices={"heads": attention.heads},
        )


class TextFeedForward(TextBlock):
    """Two products with ReLU between them, for each word alone."""

    sizes = ("expansion",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        expansion: int = 2,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride)
        width = in_features - 1
        self.expand = Pointwise(width, expansion * width, rngs=rngs)
        self.expand_bias = nnx.Param(jnp.zeros(expansion * width))
        self.project = Pointwise(expansion * width, width, rngs=rngs)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        del there
        wide = self.expand(features) + self.expand_bias[...].reshape(1, 1, -1)
        return self.project(relu(wide))


class TextSkip(nnx.Module):
    """Nothing: what comes in goes out."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del rngs
        if in_features != out_features or stride != 1:
            raise UserError(
                f"text_skip: got {in_features} -> {out_features} features with stride "
                f"{stride}, expected the same number, and 1"
            )

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> the same."""
        return values


class TextAverage(nnx.Module):
    """Normalised features of the words that are there, in the mean over them.

    Raises:
      UserError: other channels behind than in front.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del rngs, stride
        if out_features != in_features:
            raise UserError(
                f"text_average: got {in_features} -> {out_features} features, "
                "expected the same number"
            )
        self.norm = WordNorm(in_features - 1)

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, C], 1 at last; zeros of a sentence without a word."""
        there = values[..., -1:] > 0
        features = jnp.where(there, self.norm(values[..., :-1]), 0.0)
        every = jnp.concatenate([features, there], axis=-1)
        return every.sum(axis=1) / jnp.maximum(there.sum(axis=1), 1)


TEXT_OPS: dict[str, type[nnx.Module]] = {
    "text_embedding": TextEmbedding,
    "text_conv": TextConv,
    "text_recurrence": TextRecurrence,
    "text_attention": TextAttention,
    "text_feed_forward": TextFeedForward,
    "text_skip": TextSkip,
    "text_average": TextAverage,
}
