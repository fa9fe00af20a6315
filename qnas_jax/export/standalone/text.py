"""Blocks for text, for inference.

Values are a pair: the features of each word [N, T, C - 1], and `there`, bool [N, T, 1],
whether a sentence has a word or has ended. Both count as channels: C in all.
Blocks add to the features of the words that are there; those behind the end stay 0.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.export.standalone.series import all_states, series_conv

POSITION_SCALE = 0.03
SLOWEST_WAVE = 10_000.0
UNSEEN = -1e30

Words = tuple[jax.Array, jax.Array]


class WordNorm(nnx.Module):
    """Normalisation over the features of each word alone."""

    def __init__(self, features: int):
        self.scale = nnx.Param(jnp.ones(features))
        self.bias = nnx.Param(jnp.zeros(features))

    def __call__(self, features: jax.Array) -> jax.Array:
        """[N, T, C] -> the same."""
        centred = features - features.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        scale, bias = (each[...].reshape(1, 1, -1) for each in (self.scale, self.bias))
        return centred / jnp.sqrt(variance + 1e-5) * scale + bias


def product(inputs: int, outputs: int, *, bias: bool, rngs: nnx.Rngs) -> nnx.Linear:
    """A matrix product over the features of each word alone."""
    return nnx.Linear(inputs, outputs, use_bias=bias, rngs=rngs)


def position_waves(length: int, features: int) -> np.ndarray:
    """Sines and cosines of the places of words, float32 [T, C]."""
    half = (features + 1) // 2
    rates = SLOWEST_WAVE ** -(np.arange(half) / max(half - 1, 1))
    angles = np.arange(length)[:, None] * rates
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
    return waves[:, :features].astype(np.float32)


class TextEmbedding(nnx.Module):
    """Features of words by their numbers, positions added, and where words are.

    A number beyond the last word is taken for the last. In training a number comes in
    two digits, which are the features of the input.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        words: int,
        positions: float = POSITION_SCALE,
        rngs: nnx.Rngs,
    ):
        self.positions = positions
        self.table = nnx.Embed(words, out_features - 1, rngs=rngs)

    def __call__(self, numbers: jax.Array) -> Words:
        """int32 [N, T] -> features and `there`."""
        table = self.table
        waves = self.positions * position_waves(numbers.shape[1], table.features)
        features = table(jnp.clip(numbers, 0, table.num_embeddings - 1)) + waves[None]
        there = (numbers > 0)[..., None]
        return jnp.where(there, features, 0.0), there


class TextBlock(nnx.Module):
    """A change of the normalised features, which is added to them."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.norm = WordNorm(in_features - 1)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added to the features, [N, T, C - 1]; anything behind the end.

        Args:
          features: [N, T, C - 1], normalised; 0 behind the end.
          there: bool [N, T, 1].
        """
        raise NotImplementedError

    def __call__(self, values: Words) -> Words:
        """Features and `there` -> the same."""
        features, there = values
        change = self.change(jnp.where(there, self.norm(features), 0.0), there)
        return features + jnp.where(there, change, 0.0), there


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
        super().__init__(in_features, out_features, stride, rngs=rngs)
        width = in_features - 1
        self.conv = series_conv(width, width, kernel, causal=causal, rngs=rngs)
        self.project = product(width, width, bias=False, rngs=rngs)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        return self.project(jax.nn.relu(self.conv(features)))


class TextRecurrence(TextBlock):
    """A recurrence without products over the words, from the first or the last.

    z_t = sigmoid(gate of x_t), h_t = (1 - z_t) h_{t-1} + z_t (candidate of x_t).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        backwards: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride, rngs=rngs)
        width = in_features - 1
        self.gate = product(width, width, bias=True, rngs=rngs)
        self.candidate = product(width, width, bias=True, rngs=rngs)
        self.backwards = backwards

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        opened = jnp.where(there, jax.nn.sigmoid(self.gate(features)), 0.0)
        added = opened * self.candidate(features)
        return all_states(1.0 - opened, added, backwards=self.backwards)


class SelfAttention(nnx.Module):
    """Words that look at each other, [N, T, C] -> [N, T, C].

    A causal one looks at itself and at earlier words only.
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
        self.query = product(features, inner, bias=False, rngs=rngs)
        self.key = product(features, inner, bias=False, rngs=rngs)
        self.value = product(features, inner, bias=False, rngs=rngs)
        self.project = product(inner, features, bias=False, rngs=rngs)
        self.heads = heads
        self.causal = causal

    def __call__(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """Looks at the words that are there, bool [N, T, 1]."""
        query, key, value = (
            self.by_head(each(features)) for each in (self.query, self.key, self.value)
        )
        logits = query @ key.swapaxes(2, 3) * query.shape[-1] ** -0.5
        seen = there.reshape(there.shape[0], 1, 1, -1)
        if self.causal:
            seen = seen & np.tri(there.shape[1], dtype=bool)[None, None]
        weights = jax.nn.softmax(jnp.where(seen, logits, UNSEEN), axis=-1)
        mixed = (weights @ value).swapaxes(1, 2)
        return self.project(mixed.reshape(*mixed.shape[:2], -1))

    def by_head(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, heads, T, C / heads]."""
        return values.reshape(*values.shape[:2], self.heads, -1).swapaxes(1, 2)


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
        super().__init__(in_features, out_features, stride, rngs=rngs)
        self.attention = SelfAttention(
            in_features - 1, in_features, heads, causal=causal, rngs=rngs
        )

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        return self.attention(features, there)


class TextFeedForward(TextBlock):
    """Two products with ReLU between them, for each word alone."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        expansion: int = 2,
        rngs: nnx.Rngs,
    ):
        super().__init__(in_features, out_features, stride, rngs=rngs)
        width = in_features - 1
        self.expand = product(width, expansion * width, bias=True, rngs=rngs)
        self.project = product(expansion * width, width, bias=False, rngs=rngs)

    def change(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """What is added, [N, T, C - 1], see `TextBlock`."""
        return self.project(jax.nn.relu(self.expand(features)))


class TextSkip(nnx.Module):
    """Nothing: what comes in goes out."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        pass

    def __call__(self, values: Words) -> Words:
        """Features and `there` -> the same."""
        return values


class TextAverage(nnx.Module):
    """Normalised features of the words that are there, in the mean over them."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.norm = WordNorm(in_features - 1)

    def __call__(self, values: Words) -> jax.Array:
        """Features and `there` -> [N, C], the last channel 1; zeros of no word."""
        features, there = values
        count = there.astype(features.dtype).sum(axis=1)
        total = jnp.where(there, self.norm(features), 0.0).sum(axis=1)
        every = jnp.concatenate([total, count], axis=-1)
        return every / jnp.maximum(count, 1.0)
