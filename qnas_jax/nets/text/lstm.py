"""The layer of long short-term memory that networks of text are compared with.

Sources: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (the forget gate); Schuster &
Paliwal 1997 (both directions); Jozefowicz et al. 2015 (its bias starts as 1).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import uniform_param


class LstmDirection(nnx.Module):
    """From the first word to the last or back, [N, T, C_in] -> states [N, T, C_out].

    i, f, o = sigmoid and g = tanh of W x_t + U h_{t-1} + b, in the order i, f, g, o;
    c_t = f c_{t-1} + i g, h_t = o tanh(c_t), from zeros. Where no word is, c and h stay
    as they are.
    """

    def __init__(
        self, in_features: int, features: int, *, backwards: bool, rngs: nnx.Rngs
    ):
        bound = features**-0.5
        self.inner = uniform_param(rngs, (in_features, 4 * features), bound)
        self.outer = uniform_param(rngs, (features, 4 * features), bound)
        gate = jnp.arange(4 * features) // features
        self.bias = nnx.Param((gate == 1).astype(jnp.float32))
        self.backwards = backwards

    def __call__(self, features: jax.Array, there: jax.Array) -> jax.Array:
        """All states, in float32 at least; `there` is bool [N, T, 1]."""
        exact = jnp.promote_types(features.dtype, jnp.float32)
        inner, outer, bias = (
            each[...].astype(exact) for each in (self.inner, self.outer, self.bias)
        )
        seen = features.astype(exact) @ inner + bias.reshape(1, 1, -1)

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

        zeros = jnp.zeros((len(features), outer.shape[0]), exact)
        by_time = seen.swapaxes(0, 1), there.swapaxes(0, 1)
        _, states = lax.scan(step, (zeros, zeros), by_time, reverse=self.backwards)
        return states.swapaxes(0, 1)


class Lstm(nnx.Module):
    """A layer of it; in both directions half of the features are each's.

    The last channel of a word is the mask, as for all ops of text.

    Raises:
      UserError: a stride, or fewer than a feature for each direction.
    """

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
        if stride != 1 or width < 1 + both:
            raise UserError(
                f"text_lstm: got {in_features} -> {out_features} features with stride "
                f"{stride}, expected at least {2 + both} behind, and 1"
            )
        widths = (width - width // 2, width // 2) if both else (width,)
        self.directions = nnx.List(
            LstmDirection(in_features - 1, own, backwards=bool(place), rngs=rngs)
            for place, own in enumerate(widths)
        )

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T, C_out]."""
        there = values[..., -1:] > 0
        states = jnp.concatenate(
            [each(values[..., :-1], there) for each in self.directions], axis=-1
        )
        kept = jnp.where(there, states, 0).astype(values.dtype)
        return jnp.concatenate([kept, values[..., -1:]], axis=-1)
