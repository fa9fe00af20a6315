"""The small modules that ops are built of, with PyTorch's padding and defaults.

Images are [N, H, W, C]. Convolutions pad k // 2 on each side whatever the stride, as
the public code of BQNAS does ("SAME" of XLA differs for stride 2). Weights start as
normal(0, sqrt(2 / (k * k * C_out))) (He et al. 2015, fan-out), batch normalisation
keeps 0.9 of its running statistics a step and adds 1e-5 to the variance. Differs from
PyTorch: running variances are biased ones.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.kernels import (
    conv,
    depthwise_conv,
    materialise,
    normalise,
    pointwise_conv,
)
from qnas_jax.nets.probing import relu, relu6

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu6": relu6,
    "relu": relu,
    "none": lambda images: images,
}


def normal_param(
    rngs: nnx.Rngs, shape: tuple[int, ...], scale: float
) -> nnx.Param[jax.Array]:
    """A parameter, float [*shape], that starts as normal(0, scale), and says so.

    A supernet reads `normal_scale` to draw the weights of all ops of a layer at once,
    which compiles faster than a draw for each array.
    """
    draw = jax.random.normal(rngs.params(), shape)
    return nnx.Param(scale * draw, normal_scale=scale)


def uniform_param(
    rngs: nnx.Rngs, shape: tuple[int, ...], bound: float
) -> nnx.Param[jax.Array]:
    """Likewise one, float [*shape], that starts uniform in [-bound, bound)."""
    draw = jax.random.uniform(rngs.params(), shape, minval=-1.0)
    return nnx.Param(bound * draw, uniform_bound=bound)


Draw = Callable[[nnx.Rngs, tuple[int, ...], int, int], nnx.Param[jax.Array]]
"""(rngs, shape, inputs of an output, outputs of an input) -> initial weights."""


def he_normal(
    rngs: nnx.Rngs, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> nnx.Param[jax.Array]:
    """Initial weights [*shape], normal(0, sqrt(2 / fan_out)) (He et al. 2015)."""
    del fan_in
    return normal_param(rngs, shape, (2.0 / fan_out) ** 0.5)


def pytorch_uniform(
    rngs: nnx.Rngs, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> nnx.Param[jax.Array]:
    """Initial weights [*shape] within 1 / sqrt(fan_in), PyTorch's default."""
    del fan_out
    return uniform_param(rngs, shape, fan_in**-0.5)


def activation_fn(name: str) -> Callable[[jax.Array], jax.Array]:
    """Looks up an activation by name.

    Args:
      name: relu6, relu or none.

    Returns:
      The function, of values [...] one by one.

    Raises:
      UserError: unknown name.
    """
    if name not in ACTIVATIONS:
        raise UserError(
            f"activation: got {name!r}, expected one of {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


class BatchNorm(nnx.BatchNorm):
    """Batch normalisation that trains by a gradient rule of its own (`normalise`)."""

    def __call__(self, x: jax.Array, *arguments: Any, **options: Any) -> jax.Array:
        """Normalises [N, ..., C], in the precision of the input."""
        if self.use_running_average:
            return super().__call__(x, *arguments, **options).astype(x.dtype)
        assert self.scale is not None and self.bias is not None
        found = normalise(x, self.scale[...], self.bias[...])
        keep = self.momentum
        for kept, new in ((self.mean, found.mean), (self.var, found.var)):
            kept[...] = keep * kept[...] + (1 - keep) * new
        return found.values


def batch_norm(features: int, rngs: nnx.Rngs) -> BatchNorm:
    """Batch normalisation with PyTorch's momentum and epsilon."""
    return BatchNorm(features, momentum=0.9, epsilon=1e-5, rngs=rngs)


class Conv(nnx.Module):
    """Full convolution without bias, [N, H, W, C_in] -> [N, H', W', C_out]."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel: int,
        stride: int,
        *,
        narrow: bool = False,
        draw: Draw = he_normal,
        rngs: nnx.Rngs,
    ):
        shape = (kernel, kernel, in_features, out_features)
        taps = kernel * kernel
        self.kernel = draw(rngs, shape, taps * in_features, taps * out_features)
        self.stride = stride
        self.narrow = narrow

    def __call__(self, images: jax.Array) -> jax.Array:
        """Convolves."""
        kernel = self.kernel[...]
        return conv(images, kernel, stride=self.stride, narrow=self.narrow)


class Pointwise(nnx.Module):
    """1 x 1 convolution without bias, in groups of channels if asked.

    A matrix product over the channels: faster than a general convolution everywhere.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        groups: int = 1,
        *,
        draw: Draw = he_normal,
        rngs: nnx.Rngs,
    ):
        if in_features % groups or out_features % groups:
            raise UserError(
                f"pointwise: got {in_features} -> {out_features} features, expected "
                f"multiples of groups={groups}"
            )
        shape = (groups, in_features // groups, out_features // groups)
        self.kernel = draw(rngs, shape, in_features // groups, out_features)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Multiplies each pixel's channels."""
        kernel = self.kernel[...]
        groups, in_features, _ = kernel.shape
        if groups == 1:
            return pointwise_conv(images, kernel[0])
        exact = jnp.promote_types(images.dtype, jnp.float32)
        *pixel_shape, _ = images.shape
        rows = images.reshape(-1, groups, in_features)
        product = jnp.einsum("pgi,gio->pgo", rows, kernel, preferred_element_type=exact)
        return product.astype(images.dtype).reshape(*pixel_shape, -1)


class Depthwise(nnx.Module):
    """Depth-wise convolution without bias."""

    def __init__(self, features: int, kernel: int, stride: int, *, rngs: nnx.Rngs):
        shape = (kernel, kernel, features)
        taps = kernel * kernel
        self.kernel = he_normal(rngs, shape, taps, taps * features)
        self.stride = stride

    def __call__(self, images: jax.Array) -> jax.Array:
        """Convolves each channel."""
        return depthwise_conv(images, self.kernel[...], stride=self.stride)


class SqueezeExcite(nnx.Module):
    """Channel attention by a two-layer bottleneck (Hu et al. 2018), hard sigmoid."""

    def __init__(self, features: int, reduction: int = 4, *, rngs: nnx.Rngs):
        hidden = max(features // reduction, 1)
        self.squeeze = Pointwise(features, hidden, rngs=rngs)
        self.squeeze_bias = nnx.Param(jnp.zeros(hidden))
        self.excite = Pointwise(hidden, features, rngs=rngs)
        self.excite_bias = nnx.Param(jnp.zeros(features))

    def __call__(self, images: jax.Array) -> jax.Array:
        """Scales the channels of [N, H, W, C], or of series [N, T, C]."""
        images = materialise(images)
        between = tuple(range(1, images.ndim - 1))
        mean = images.mean(axis=between, keepdims=True)
        wide = (1,) * (images.ndim - 1) + (-1,)
        hidden = relu(self.squeeze(mean) + self.squeeze_bias[...].reshape(wide))
        excited = self.excite(hidden) + self.excite_bias[...].reshape(wide)
        gate = jax.nn.relu6(excited + 3.0) / 6.0
        return images * gate


class EfficientChannelAttention(nnx.Module):
    """Channel attention by a convolution across channels (Wang et al. 2020, ECA)."""

    def __init__(self, kernel: int = 3, *, rngs: nnx.Rngs):
        self.kernel = he_normal(rngs, (kernel, 1, 1), kernel, kernel)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Scales the channels of [N, H, W, C], or of series [N, T, C]."""
        images = materialise(images)
        between = tuple(range(1, images.ndim - 1))
        mean = images.mean(axis=between)
        pad = self.kernel.shape[0] // 2
        mixed = lax.conv_general_dilated(
            mean[:, :, None],
            self.kernel[...],
            window_strides=(1,),
            padding=((pad, pad),),
            dimension_numbers=("NWC", "WIO", "NWC"),
        )
        gate = jax.nn.sigmoid(mixed)[..., 0]
        return images * jnp.expand_dims(gate, between)


def channel_attention(
    name: str, features: int, rngs: nnx.Rngs
) -> Callable[[jax.Array], jax.Array] | None:
    """Builds a channel attention module.

    Args:
      name: none, se or eca.
      features: C, channels of its input.
      rngs: keys.

    Returns:
      The module, [N, H, W, C] or [N, T, C] -> the same shape; or None.

    Raises:
      UserError: unknown name.
    """
    if name == "none":
        return None
    if name == "se":
        return SqueezeExcite(features, rngs=rngs)
    if name == "eca":
        return EfficientChannelAttention(rngs=rngs)
    raise UserError(f"attention: got {name!r}, expected one of none, se, eca")
