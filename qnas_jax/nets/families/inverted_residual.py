"""Inverted residuals of any kernel, expansion, groups, attention and activation as one.

The widest block of a layer serves all of them: fewer channels and smaller kernels are
zeros, attention and activation are selected, an op without an expansion passes its
input, and skips and projections are selected at the end. A channel of zeros stays zero:
its mean, its scale and its offset are zero too, so statistics, attention and products
of the real channels are those of the op alone.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from qnas_jax.kernels import conv, depthwise_conv, materialise
from qnas_jax.nets.families.rows import Field
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.layers import (
    EfficientChannelAttention,
    Pointwise,
    SqueezeExcite,
    activation_fn,
)
from qnas_jax.nets.ops import ConvBlock, MBConv, Projection, Skip

ATTENTIONS = ("none", "se", "eca")
LINEAR = "output of a linear operation"  # what a gradient cannot do without
Arrays = Mapping[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Member:
    """How an op is written as a member of this family.

    Attributes:
      params: the variables of the op by the name of the family's array.
      stats: likewise its running means and variances.
      choices: "block", "widens": whether it is a block, and has an expansion;
        "attention": index into `ATTENTIONS`; "activation": a name.
      kernel: taps in one direction, of the block or of the shortcut.
      shortcut_activation: of the convolution of a skip that changes the shape.
    """

    params: dict[str, Any]
    stats: dict[str, Any]
    choices: dict[str, Any]
    kernel: int = 0
    shortcut_activation: str | None = None


def member(module: nnx.Module) -> Member | None:
    """Describes an op.

    Args:
      module: the op, with arrays or their shapes.

    Returns:
      Its description, or None if it is no member of this family.
    """
    if isinstance(module, MBConv):
        return _block(module)
    if isinstance(module, Skip | Projection):
        return _shortcut(module.conv)
    return None


def _norm_of(name: str, norm: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    params = {f"{name}_scale": norm.scale, f"{name}_bias": norm.bias}
    return params, {f"{name}_mean": norm.mean, f"{name}_var": norm.var}


def _block(module: MBConv) -> Member:
    params = {
        "depthwise": module.depthwise.kernel,
        "project": module.project.kernel,
    }
    norms = {
        "expand_norm": module.expand_norm,
        "depthwise_norm": module.depthwise_norm,
        "project_norm": module.project_norm,
    }
    if module.expand is not None:
        params["expand"] = module.expand.kernel
    stats: dict[str, Any] = {}
    for name, norm in norms.items():
        if norm is not None:
            own_params, own_stats = _norm_of(name, norm)
            params |= own_params
            stats |= own_stats
    attention: Any = module.attention
    kind = "none"
    if isinstance(attention, SqueezeExcite):
        kind = "se"
        params["squeeze"] = attention.squeeze.kernel
        params["squeeze_bias"] = attention.squeeze_bias
        params["excite"] = attention.excite.kernel
        params["excite_bias"] = attention.excite_bias
    if isinstance(attention, EfficientChannelAttention):
        kind = "eca"
        params["across"] = attention.kernel
    choices = {
        "block": True,
        "widens": module.expand is not None,
        "attention": ATTENTIONS.index(kind),
        "activation": module.activation,
    }
    return Member(params, stats, choices, module.depthwise.kernel.shape[0])


def _shortcut(block: ConvBlock | None) -> Member:
    choices = {"block": False, "widens": False, "attention": 0, "activation": None}
    if block is None:
        return Member({}, {}, choices)
    params, stats = _norm_of("shortcut_norm", block.norm)
    kernel: Any = block.conv.kernel  # type: ignore[attr-defined]
    params["shortcut"] = kernel
    size = 1 if isinstance(block.conv, Pointwise) else kernel.shape[0]
    return Member(params, stats, choices, size, block.activation)


@dataclasses.dataclass(frozen=True, eq=False)
class InvertedResidual:
    """The family in one layer: sizes of the widest op, and the choices of each op.

    Attributes:
      in_features: channels of the input.
      out_features: channels of the output.
      stride: of the depth-wise convolution and of the shortcut.
      members: for each op of the layer its description, or None.
    """

    in_features: int
    out_features: int
    stride: int
    members: tuple[Member | None, ...]

    @property
    def _own(self) -> list[Member]:
        return [each for each in self.members if each is not None]

    @property
    def _blocks(self) -> list[Member]:
        return [each for each in self._own if each.choices["block"]]

    @property
    def _shortcuts(self) -> list[Member]:
        return [each for each in self._own if not each.choices["block"]]

    @functools.cached_property
    def hidden(self) -> int:
        """Channels of the widest block."""
        return max(each.params["depthwise"].shape[-1] for each in self._blocks)

    @functools.cached_property
    def activations(self) -> tuple[str, ...]:
        """The distinct activations of the blocks."""
        return tuple(dict.fromkeys(each.choices["activation"] for each in self._blocks))

    @functools.cached_property
    def shortcut_activation(self) -> str:
        """The activation of the shortcuts that change the shape: one for a layer."""
        found = {each.shortcut_activation for each in self._shortcuts} - {None}
        return next(iter(found), None) or "none"

    def fields(self) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
        """The padded arrays of parameters and of statistics."""
        names = {name for each in self._own for name in each.params}
        hidden = self.hidden if self._blocks else 0
        squeezed = [each.params.get("squeeze") for each in self._blocks]
        bottleneck = max(
            (each.shape[-1] for each in squeezed if each is not None), default=0
        )
        kernel = max((each.kernel for each in self._blocks), default=0)
        shortcut = max((each.kernel for each in self._shortcuts), default=0)
        ends = self.in_features, self.out_features
        widths = {
            "expand_norm": hidden,
            "depthwise_norm": hidden,
            "project_norm": self.out_features,
            "shortcut_norm": self.out_features,
        }
        shapes: dict[str, tuple[int, ...]] = {
            "expand": (self.in_features, hidden),
            "depthwise": (kernel, kernel, hidden),
            "project": (hidden, self.out_features),
            "squeeze": (hidden, bottleneck),
            "squeeze_bias": (bottleneck,),
            "excite": (bottleneck, hidden),
            "excite_bias": (hidden,),
            "across": (3,),
            "shortcut": (shortcut, shortcut, *ends),
        }
        for name, width in widths.items():
            shapes |= {f"{name}_scale": (width,), f"{name}_bias": (width,)}
        taps = {"depthwise": kernel, "shortcut": shortcut}
        params = tuple(
            Field(name, shape, taps.get(name, 0))
            for name, shape in shapes.items()
            if name in names
        )
        stats = tuple(
            Field(f"{name}_{what}", (width,))
            for name, width in widths.items()
            if f"{name}_scale" in names
            for what in ("mean", "var")
        )
        return params, stats

    def largest(self, shape: tuple[int, ...]) -> int:
        """Values of the largest array inside, for one image of a shape."""
        height, width, _ = shape
        hidden = self.hidden if self._blocks else 0
        return height * width * max(self.in_features, self.out_features, hidden)

    def apply(
        self,
        mode: Mode,
        op: jax.Array,
        params: Arrays,
        stats: Arrays,
        inputs: jax.Array,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Runs the op that is chosen.

        Args:
          mode: how batch normalisation behaves.
          op: int32 scalar; if it is no member, the output means nothing.
          params: its padded parameters.
          stats: its padded running statistics.
          inputs: [N, H, W, C_in]; its precision is that of products and values.

        Returns:
          The output [N, H', W', C_out] and the new padded statistics.
        """
        norm = _Norms(mode, params, stats)
        outputs = []
        if self._blocks:
            outputs.append(self._run_block(norm, op, params, inputs))
        if self._shortcuts:
            outputs.append(self._run_shortcut(norm, params, inputs))
        if len(outputs) == 1:
            return outputs[0], norm.found
        is_block = self._choice("block", op)
        return jnp.where(is_block, outputs[0], outputs[1]), norm.found

    def _choice(self, name: str, op: jax.Array) -> Any:
        """A choice of an op: a Python value if all members agree, else data."""
        values = [
            each.choices[name] if each is not None else None for each in self.members
        ]
        blocks = {
            each.choices[name]
            for each in (self._own if name == "block" else self._blocks)
        }
        if len(blocks) == 1:
            return blocks.pop()
        if name == "activation":
            names = self.activations
            values = [names.index(value) if value in names else 0 for value in values]
        return jnp.asarray(np.asarray([int(value or 0) for value in values]))[op]

    def _activate(self, op: jax.Array, values: jax.Array) -> jax.Array:
        functions = [activation_fn(name) for name in self.activations]
        if len(functions) == 1:
            return functions[0](values)
        index = self._choice("activation", op)
        return _select(index, [function(values) for function in functions])

    def _run_block(
        self, norm: "_Norms", op: jax.Array, params: Arrays, inputs: jax.Array
    ) -> jax.Array:
        widens = self._choice("widens", op)
        passed = inputs
        if self.hidden > self.in_features:
            extra = self.hidden - self.in_features
            passed = jnp.pad(inputs, [(0, 0)] * 3 + [(0, extra)])
        values = passed
        if "expand" in params:
            values = _multiply(inputs, params["expand"])
            values = self._activate(op, norm("expand_norm", values))
            if widens is not True:
                values = jnp.where(widens, values, passed)
        values = depthwise_conv(
            values, params["depthwise"].astype(values.dtype), stride=self.stride
        )
        values = checkpoint_name(values, LINEAR)
        values = self._activate(op, norm("depthwise_norm", values))
        values = self._attend(op, params, values)
        values = norm("project_norm", _multiply(values, params["project"]))
        if self.stride == 1 and self.in_features == self.out_features:
            values = inputs + values
        return values

    def _attend(self, op: jax.Array, params: Arrays, values: jax.Array) -> jax.Array:
        kind = self._choice("attention", op)
        if isinstance(kind, int) and ATTENTIONS[kind] == "none":
            return values
        values = materialise(values)
        exact = jnp.promote_types(values.dtype, jnp.float32)
        mean = values.mean(axis=(1, 2), dtype=exact)
        gates = [jnp.ones_like(mean)] * len(ATTENTIONS)
        if "squeeze" in params:
            gates[ATTENTIONS.index("se")] = _squeeze_excite(params, mean)
        if "across" in params:
            gates[ATTENTIONS.index("eca")] = _across(params["across"], mean)
        gate = gates[kind] if isinstance(kind, int) else _select(kind, gates)
        return values * gate[:, None, None].astype(values.dtype)

    def _run_shortcut(
        self, norm: "_Norms", params: Arrays, inputs: jax.Array
    ) -> jax.Array:
        if "shortcut" not in params:
            return inputs
        kernel = params["shortcut"].astype(inputs.dtype)
        values = norm(
            "shortcut_norm",
            checkpoint_name(conv(inputs, kernel, stride=self.stride), LINEAR),
        )
        return activation_fn(self.shortcut_activation)(values)


class _Norms:
    """Batch normalisation by name, as `nnx.BatchNorm`; collects new statistics."""

    def __init__(self, mode: Mode, params: Arrays, stats: Arrays):
        self.mode, self.params, self.stats = mode, params, stats
        self.found = dict(stats)

    def __call__(self, name: str, values: jax.Array) -> jax.Array:
        mean, var = self.stats[f"{name}_mean"], self.stats[f"{name}_var"]
        exact = jnp.promote_types(values.dtype, jnp.float32)
        axes = tuple(range(values.ndim - 1))
        if self.mode != "running":
            values = materialise(values)
            wide = values.astype(exact)
            own_mean = wide.mean(axes)
            own_var = jnp.maximum(0.0, (wide * wide).mean(axes) - own_mean**2)
            keep = 0.9 if self.mode == "train" else 0.0
            self.found[f"{name}_mean"] = keep * mean + (1 - keep) * own_mean
            self.found[f"{name}_var"] = keep * var + (1 - keep) * own_var
            mean, var = own_mean, own_var
        scale = lax.rsqrt(var + 1e-5) * self.params[f"{name}_scale"].astype(exact)
        offset = self.params[f"{name}_bias"].astype(exact)
        mean, scale, offset = (
            jnp.expand_dims(each, axes) for each in (mean, scale, offset)
        )
        return ((values.astype(exact) - mean) * scale + offset).astype(values.dtype)


def _multiply(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each pixel's channels times a matrix, sums in float32 at least."""
    exact = jnp.promote_types(images.dtype, jnp.float32)
    rows = images.reshape(-1, images.shape[-1])
    product = jnp.matmul(
        rows, kernel.astype(images.dtype), preferred_element_type=exact
    )
    product = product.astype(images.dtype).reshape(*images.shape[:-1], -1)
    return checkpoint_name(product, LINEAR)


def _squeeze_excite(params: Arrays, mean: jax.Array) -> jax.Array:
    squeeze, excite = (params[n].astype(mean.dtype) for n in ("squeeze", "excite"))
    hidden = jax.nn.relu(mean @ squeeze + params["squeeze_bias"][None])
    return jax.nn.relu6(hidden @ excite + params["excite_bias"][None] + 3.0) / 6.0


def _across(kernel: jax.Array, mean: jax.Array) -> jax.Array:
    """Efficient channel attention: three taps over neighbouring channels."""
    wide = jnp.pad(mean, ((0, 0), (1, 1)))
    count = mean.shape[-1]
    mixed = sum(wide[:, tap : tap + count] * kernel[tap] for tap in range(3))
    return jax.nn.sigmoid(mixed)


def _select(index: jax.Array, cases: Sequence[jax.Array]) -> jax.Array:
    """The case of an index, all of them computed."""
    chosen = cases[0]
    for place, case in enumerate(cases[1:], start=1):
        chosen = jnp.where(index == place, case, chosen)
    return chosen
