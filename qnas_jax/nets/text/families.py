"""Ops of text as padded bodies: convolutions of any length, attention of any heads.

What an op computes is what it would alone (`nets/text/ops.py`): shorter kernels are
longer ones with zeros, and few heads are more of them whose logits are added up.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.kernels import series_conv
from qnas_jax.nets.families import Arrays, Family, Field
from qnas_jax.nets.families.family import Fields
from qnas_jax.nets.families.rows import Placing
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.probing import relu
from qnas_jax.nets.text.layers import attend, attention_logits, normalise_words


@dataclasses.dataclass(frozen=True, eq=False)
class TextFamily(Family):
    """Ops that add something to normalised features, see `nets.text.ops.TextBlock`."""

    def change(
        self, op: jax.Array, params: Arrays, features: jax.Array, there: jax.Array
    ) -> jax.Array:
        """What is added to the features, [N, T, C - 1]; anything behind the end.

        Args:
          op: int32 scalar.
          params: its padded parameters by name.
          features: [N, T, C - 1], normalised; 0 behind the end.
          there: bool [N, T, 1].
        """
        raise NotImplementedError

    def apply(
        self,
        mode: Mode,
        op: jax.Array,
        params: Arrays,
        stats: Arrays,
        inputs: jax.Array,
    ) -> tuple[jax.Array, Arrays]:
        """Runs one member, [N, T, C] -> [N, T, C]."""
        del mode, stats
        there = inputs[..., -1:] > 0
        scale, bias = params["norm_scale"], params["norm_bias"]
        normal = normalise_words(inputs[..., :-1], scale, bias)
        features = jnp.where(there, normal, 0)
        change = jnp.where(there, self.change(op, params, features, there), 0)
        return inputs + jnp.pad(change, ((0, 0), (0, 0), (0, 1))), {}


@dataclasses.dataclass(frozen=True, eq=False)
class TextConvs(TextFamily):
    """Convolutions over words on both sides, of odd lengths."""

    causal = False

    def fields(self) -> Fields:
        """The taps of a shorter kernel are in the middle of the longest, or its end."""
        params, stats = super().fields()
        return tuple(map(self._placed, params)), stats

    def _placed(self, field: Field) -> Field:
        if field.name != "kernel":
            return dataclasses.replace(field, placing="first")
        placing: Placing = "last" if self.causal else "centred"
        return dataclasses.replace(field, placing=placing)

    def change(
        self, op: jax.Array, params: Arrays, features: jax.Array, there: jax.Array
    ) -> jax.Array:
        """As `TextConv`; features [N, T, C - 1]."""
        del op, there
        seen = series_conv(features, params["kernel"], causal=self.causal)
        return _product(relu(seen), params["project"])


@dataclasses.dataclass(frozen=True, eq=False)
class CausalTextConvs(TextConvs):
    """Convolutions over a word and those before it, of any length."""

    causal = True


@dataclasses.dataclass(frozen=True, eq=False)
class TextAttentions(TextFamily):
    """Attention whose number of heads is data."""

    causal = False

    def change(
        self, op: jax.Array, params: Arrays, features: jax.Array, there: jax.Array
    ) -> jax.Array:
        """As `TextAttention`; op int32 [], features [N, T, C - 1], there [N, T, 1]."""
        query, key, value = (
            _product(features, params[name]).reshape(
                *features.shape[:2], self._parts, -1
            )
            for name in ("query", "key", "value")
        )
        logits = attention_logits(query, key)
        together = jnp.asarray(self._together, logits.dtype)[op]
        mixed = jnp.einsum("gh,nhqk->ngqk", together, logits)
        found = attend(mixed, value, there, causal=self.causal)
        return _product(found, params["project"])

    @functools.cached_property
    def _parts(self) -> int:
        """Heads that every number of heads consists of."""
        return math.lcm(*(each.choices["heads"] for each in self.own))

    @functools.cached_property
    def _together(self) -> np.ndarray:
        """For each op which parts are of one head, times its scale: [K, p, p]."""
        parts, inner = self._parts, self.own[0].params["query"].shape[-1]
        found = np.zeros((len(self.members), parts, parts))
        for index, member in enumerate(self.members):
            if member is not None:
                heads = member.choices["heads"]
                own = np.arange(parts) * heads // parts
                found[index] = (own[:, None] == own) * (inner / heads) ** -0.5
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class CausalTextAttentions(TextAttentions):
    """The same, of words to those before them."""

    causal = True


def _product(features: jax.Array, kernel: jax.Array) -> jax.Array:
    """A product over the features, as `Pointwise`: [N, T, C] with [1, C, D]."""
    exact = jnp.promote_types(features.dtype, jnp.float32)
    rows = features.reshape(-1, features.shape[-1])
    product = jnp.matmul(rows, kernel[0], preferred_element_type=exact)
    return product.astype(features.dtype).reshape(*features.shape[:-1], -1)
