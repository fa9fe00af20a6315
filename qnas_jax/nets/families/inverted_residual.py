"""Inverted residuals of any kernel, expansion, groups, attention and activation as one.

The widest block of a layer serves all of them: fewer channels and smaller kernels are
zeros, attention and activation are selected, and an op without an expansion passes its
input. A channel of zeros stays zero: its mean, its scale and its offset are zero too,
so statistics, attention and products of the real channels are those of the op alone.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from qnas_jax.kernels import (
    Gate,
    depthwise_conv,
    kernels_for_blocks,
    materialise,
    run_folded,
)
from qnas_jax.nets.families.family import Family, Fields
from qnas_jax.nets.families.folding import fold
from qnas_jax.nets.families.norms import Arrays, Norms
from qnas_jax.nets.families.rows import Field
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.layers import activation_fn
from qnas_jax.nets.probing import watching

ATTENTIONS = ("none", "se", "eca")
LINEAR = "output of a linear operation"  # what a gradient cannot do without


@dataclasses.dataclass(frozen=True, eq=False)
class InvertedResidual(Family):
    """Arrays and choices are those of `nets.inverted_residual.InvertedBlock`."""

    @functools.cached_property
    def hidden(self) -> int:
        """Channels of the widest block."""
        return max(each.params["depthwise"].shape[-1] for each in self.own)

    @functools.cached_property
    def activations(self) -> tuple[str, ...]:
        """The distinct activations."""
        return tuple(dict.fromkeys(each.choices["activation"] for each in self.own))

    def fields(self) -> Fields:
        """Grouped products are matrices with blocks on the diagonal.

        Attention is as wide as the widest block, also if that has none.
        """
        params, stats = super().fields()
        return tuple(map(self._widened, params)), stats

    def _widened(self, field: Field) -> Field:
        ends, hidden = (self.in_features, self.out_features), self.hidden
        products = {"expand": (ends[0], hidden), "project": (hidden, ends[1])}
        if field.name in products:
            return Field(field.name, products[field.name], "diagonal")
        axis = {"squeeze": 1, "excite": 2, "excite_bias": 0}.get(field.name)
        if axis is None:
            return field
        shape = (*field.shape[:axis], hidden, *field.shape[axis + 1 :])
        return dataclasses.replace(field, shape=shape)

    def largest(self, shape: tuple[int, ...]) -> int:
        """Values of the largest array inside, for one input of a shape."""
        widest = max(self.in_features, self.out_features, self.hidden)
        return math.prod(shape[:-1]) * widest

    def apply(
        self,
        mode: Mode,
        op: jax.Array,
        params: Arrays,
        stats: Arrays,
        inputs: jax.Array,
    ) -> tuple[jax.Array, Arrays]:
        """Runs one member, [N, ..., C_in] -> [N, ..., C_out]."""
        if mode == "running" and self._has_kernels():
            return self._in_use(op, params, stats, inputs), {}
        norm = Norms(mode, params, stats)
        passed = inputs
        if self.hidden > self.in_features:
            extra = self.hidden - self.in_features
            passed = jnp.pad(inputs, [(0, 0)] * (inputs.ndim - 1) + [(0, extra)])
        values = passed
        if "expand" in params:
            values = _multiply(inputs, params["expand"])
            values = self._activate(op, norm("expand_norm", values))
            widens = self.choice("widens", op)
            if widens is not True:
                values = jnp.where(widens, values, passed)
        values = self._convolve(op, values, params["depthwise"])
        values = checkpoint_name(values, LINEAR)
        values = self._activate(op, norm("depthwise_norm", values))
        values = self._attend(op, params, values)
        values = norm("project_norm", _multiply(values, params["project"]))
        if self._residual:
            values = inputs + values
        return values, norm.found

    def _convolve(
        self, op: jax.Array, values: jax.Array, kernel: jax.Array
    ) -> jax.Array:
        """The depth-wise convolution."""
        del op
        return depthwise_conv(values, kernel, stride=self.stride)

    def _has_kernels(self) -> bool:
        return kernels_for_blocks() and watching() is None

    @property
    def _residual(self) -> bool:
        return self.stride == 1 and self.in_features == self.out_features

    def _in_use(
        self, op: jax.Array, params: Arrays, stats: Arrays, inputs: jax.Array
    ) -> jax.Array:
        """With running statistics, by kernels of its own."""
        shapes = [
            (0, 0) if each is None else each.params["depthwise"].shape[1:]
            for each in self.members
        ]
        taps, width = jnp.asarray(shapes, jnp.int32)[op]
        block = fold(
            params,
            stats,
            widens=self.choice("widens", op),
            activation=self._activation(op),
            activations=self.activations,
            width=width,
            taps=taps,
        )
        return run_folded(
            inputs,
            block,
            stride=self.stride,
            sizes=tuple(sorted({taps for taps, _ in shapes} - {0})),
            gate=self._gate(op, params),
            added=inputs if self._residual else None,
        )

    def _activation(self, op: jax.Array) -> jax.Array | int:
        """Which of the activations; a number if there is but one."""
        if len(self.activations) == 1:
            return 0
        indices = [
            0 if each is None else self.activations.index(each.choices["activation"])
            for each in self.members
        ]
        return jnp.asarray(indices, jnp.int32)[op]

    def _activate(self, op: jax.Array, values: jax.Array) -> jax.Array:
        functions = [activation_fn(name) for name in self.activations]
        if len(functions) == 1:
            return functions[0](values)
        return _select(
            self._activation(op), [function(values) for function in functions]
        )

    def _attend(self, op: jax.Array, params: Arrays, values: jax.Array) -> jax.Array:
        gate = self._gate(op, params)
        if gate is None:
            return values
        values = materialise(values)
        exact = jnp.promote_types(values.dtype, jnp.float32)
        between = tuple(range(1, values.ndim - 1))
        mean = values.mean(axis=between, dtype=exact)
        return values * jnp.expand_dims(gate(mean), between).astype(values.dtype)

    def _gate(self, op: jax.Array, params: Arrays) -> Gate | None:
        """Channel attention as a function of the means; None if no op has any."""
        kind = self.choice("attention", op)
        if isinstance(kind, int) and ATTENTIONS[kind] == "none":
            return None

        def gate(mean: jax.Array) -> jax.Array:
            gates = [jnp.ones_like(mean)] * len(ATTENTIONS)
            if "squeeze" in params:
                gates[ATTENTIONS.index("se")] = _squeeze_excite(params, mean)
            if "across" in params:
                gates[ATTENTIONS.index("eca")] = _across(params["across"].ravel(), mean)
            return gates[kind] if isinstance(kind, int) else _select(kind, gates)

        return gate


def _multiply(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each pixel's channels times a matrix, sums in float32 at least."""
    exact = jnp.promote_types(images.dtype, jnp.float32)
    rows = images.reshape(-1, images.shape[-1])
    product = jnp.matmul(rows, kernel, preferred_element_type=exact)
    product = product.astype(images.dtype).reshape(*images.shape[:-1], -1)
    return checkpoint_name(product, LINEAR)


def _squeeze_excite(params: Arrays, mean: jax.Array) -> jax.Array:
    squeeze, excite = (params[n][0].astype(mean.dtype) for n in ("squeeze", "excite"))
    hidden = jax.nn.relu(mean @ squeeze + params["squeeze_bias"][None])
    return jax.nn.relu6(hidden @ excite + params["excite_bias"][None] + 3.0) / 6.0


def _across(kernel: jax.Array, mean: jax.Array) -> jax.Array:
    """Efficient channel attention: three taps over neighbouring channels."""
    wide = jnp.pad(mean, ((0, 0), (1, 1)))
    count = mean.shape[-1]
    mixed = sum(wide[:, tap : tap + count] * kernel[tap] for tap in range(3))
    return jax.nn.sigmoid(mixed)


def _select(index: jax.Array | int, cases: Sequence[jax.Array]) -> jax.Array:
    """The case of an index, all of them computed."""
    chosen = cases[0]
    for place, case in enumerate(cases[1:], start=1):
        chosen = jnp.where(index == place, case, chosen)
    return chosen
