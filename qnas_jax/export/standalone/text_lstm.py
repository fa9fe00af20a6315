"""A layer of long short-term memory for text, for inference."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.export.standalone.text import Words, product


class LstmDirection(nnx.Module):
    """States from the first word to the last or back, [N, T, C_in] -> [N, T, C_out].

    i, f, g, o of W x_t + U h_{t-1} + b; c_t = f c_{t-1} + i g, h_t = o tanh(c_t), from
    zeros. Where no word is, both stay as they are.
    """

    def __init__(
        self, in_features: int, features: int, *, backwards: bool, rngs: nnx.Rngs
    ):
        self.inner = product(in_features, 4 * features, bias=True, rngs=rngs)
        self.outer = product(features, 4 * features, bias=False, rngs=rngs)
        self.backwards = backwards

    def __call__(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """All states; `there` is bool [N, T, 1]."""
        outer = self.outer.kernel[...]

        def step(
            state: tuple[jax.Array, jax.Array], now: tuple[jax.Array, jax.Array]
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            output, cell = state
            gates, exists = now
            i, f, g, o = jnp.split(gates + output @ outer, 4, axis=-1)
            new = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
            cell = jnp.where(exists, new, cell)
            output = jnp.where(exists, jax.nn.sigmoid(o) * jnp.tanh(cell), output)
            return (output, cell), output

        by_time = self.in_turn(self.inner(features)), self.in_turn(there)
        zeros = jnp.zeros((features.shape[0], outer.shape[0]), features.dtype)
        _, states = lax.scan(step, (zeros, zeros), by_time)
        return (jnp.flip(states, 0) if self.backwards else states).swapaxes(0, 1)

    def in_turn(self, values: jax.Array) -> jax.Array:
        """[N, T, C] -> [T, N, C]; ONNX has no scan that starts at the end."""
        turned = values.swapaxes(0, 1)
        return jnp.flip(turned, 0) if self.backwards else turned


class Lstm(nnx.Module):
    """A layer of it; in both directions half of the features are each's."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        both: bool = False,
        rngs: nnx.Rngs,
    ):
        width = out_features - 1
        widths = (width - width // 2, width // 2) if both else (width,)
        self.directions = nnx.List(
            LstmDirection(in_features - 1, own, backwards=bool(place), rngs=rngs)
            for place, own in enumerate(widths)
        )

    def __call__(self, values: Words) -> Words:
        """Features and `there` -> the same."""
        features, there = values
        states = [direction(features, there) for direction in self.directions]
        return jnp.where(there, jnp.concatenate(states, axis=-1), 0.0), there
