"""Blocks of chain networks, for inference: batch normalisation is in the weights.

Images are [N, H, W, C]. Convolutions pad k // 2 on each side, whatever the stride, and
have a bias.
"""

import jax
import jax.numpy as jnp
from flax import nnx

ACTIVATIONS = {
    "relu6": lambda images: jnp.clip(images, 0.0, 6.0),
    "relu": jax.nn.relu,
    "none": lambda images: images,
}


def conv(
    in_features: int,
    out_features: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    rngs: nnx.Rngs,
) -> nnx.Conv:
    """A convolution that pads kernel // 2 pixels on each side."""
    border = (kernel // 2, kernel // 2)
    return nnx.Conv(
        in_features,
        out_features,
        (kernel, kernel),
        strides=(stride, stride),
        padding=(border, border),
        feature_group_count=groups,
        rngs=rngs,
    )


class ConvBlock(nnx.Module):
    """Convolution and activation."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        activation: str = "relu6",
        rngs: nnx.Rngs,
    ):
        self.conv = conv(in_features, out_features, kernel, stride, rngs=rngs)
        self.activation = activation

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return ACTIVATIONS[self.activation](self.conv(images))


class SqueezeExcite(nnx.Module):
    """Scales the channels by what a small network makes of their means."""

    def __init__(self, features: int, *, rngs: nnx.Rngs):
        hidden = max(features // 4, 1)
        self.squeeze = conv(features, hidden, 1, rngs=rngs)
        self.excite = conv(hidden, features, 1, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        mean = images.mean(axis=(1, 2), keepdims=True)
        hidden = jax.nn.relu(self.squeeze(mean))
        return images * (jnp.clip(self.excite(hidden) + 3.0, 0.0, 6.0) / 6.0)


class EfficientChannelAttention(nnx.Module):
    """Scales the channels by a convolution across neighbouring channels' means."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.conv = nnx.Conv(1, 1, (3,), padding=((1, 1),), use_bias=False, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        mean = images.mean(axis=(1, 2))
        gate = jax.nn.sigmoid(self.conv(mean[:, :, None]))
        return images * gate[:, None, None, :, 0]


def channel_attention(
    name: str, features: int, rngs: nnx.Rngs
) -> SqueezeExcite | EfficientChannelAttention | None:
    """Attention by name: none, se or eca."""
    if name == "se":
        return SqueezeExcite(features, rngs=rngs)
    return EfficientChannelAttention(rngs=rngs) if name == "eca" else None


class MBConv(nnx.Module):
    """Inverted residual: expand, depth-wise convolution, attention, project.

    The input is added if the shape is kept.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        expansion: int = 6,
        attention: str = "none",
        groups: int = 1,
        activation: str = "relu6",
        rngs: nnx.Rngs,
    ):
        hidden = in_features * expansion
        self.expand = (
            None
            if expansion == 1
            else conv(in_features, hidden, 1, groups=groups, rngs=rngs)
        )
        self.depthwise = conv(hidden, hidden, kernel, stride, groups=hidden, rngs=rngs)
        self.attention = channel_attention(attention, hidden, rngs)
        self.project = conv(hidden, out_features, 1, groups=groups, rngs=rngs)
        self.activation = activation
        self.residual = stride == 1 and in_features == out_features

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        act = ACTIVATIONS[self.activation]
        values = images
        if self.expand is not None:
            values = act(self.expand(values))
        values = act(self.depthwise(values))
        if self.attention is not None:
            values = self.attention(values)
        values = self.project(values)
        return images + values if self.residual else values


class Skip(nnx.Module):
    """Identity; a 3 x 3 convolution block where the shape changes."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        same = stride == 1 and in_features == out_features
        self.block = (
            None if same else ConvBlock(in_features, out_features, stride, rngs=rngs)
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return images if self.block is None else self.block(images)


class Projection(nnx.Module):
    """Identity; a 1 x 1 convolution where the shape changes."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        same = stride == 1 and in_features == out_features
        self.conv = (
            None if same else conv(in_features, out_features, 1, stride, rngs=rngs)
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return images if self.conv is None else self.conv(images)


class Shuffle(nnx.Module):
    """Every other channel passes, the rest goes through three convolutions.

    Where the shape changes, both branches get all channels and the first is projected.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        rngs: nnx.Rngs,
    ):
        split = stride == 1 and in_features == out_features
        width = out_features // 2
        entry = in_features // 2 if split else in_features
        leaving = entry if split else out_features - in_features
        self.shortcut = (
            None if split else separable(in_features, in_features, kernel, stride, rngs)
        )
        self.main = nnx.Sequential(
            ConvBlock(entry, width, 1, kernel=1, activation="relu", rngs=rngs),
            *separable(width, leaving, kernel, stride, rngs).layers,
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return two_branches(images, self.shortcut, self.main)


class ShuffleXception(nnx.Module):
    """A shuffle block whose main branch is three depth-wise separable convolutions."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        split = stride == 1 and in_features == out_features
        width = out_features // 2
        entry = in_features // 2 if split else in_features
        leaving = entry if split else out_features - in_features
        self.shortcut = (
            None if split else separable(in_features, in_features, 3, stride, rngs)
        )
        self.main = nnx.Sequential(
            *separable(entry, width, 3, stride, rngs).layers,
            *separable(width, width, 3, 1, rngs).layers,
            *separable(width, leaving, 3, 1, rngs).layers,
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return two_branches(images, self.shortcut, self.main)


def separable(
    in_features: int, out_features: int, kernel: int, stride: int, rngs: nnx.Rngs
) -> nnx.Sequential:
    """A depth-wise convolution without activation, then a 1 x 1 block with ReLU."""
    return nnx.Sequential(
        conv(in_features, in_features, kernel, stride, groups=in_features, rngs=rngs),
        ConvBlock(in_features, out_features, 1, kernel=1, activation="relu", rngs=rngs),
    )


def two_branches(
    images: jax.Array, shortcut: nnx.Sequential | None, main: nnx.Sequential
) -> jax.Array:
    """Runs both branches of a shuffle block and joins their channels.

    Args:
      images: float [N, H, W, C].
      shortcut: of the first branch; None: it passes every other channel on.
      main: of the second branch, which sees the other channels, or all of them.

    Returns:
      float [N, H', W', C']: the channels of the first branch, then of the second.
    """
    if shortcut is None:
        passed, entry = images[..., 0::2], images[..., 1::2]
    else:
        passed, entry = shortcut(images), images
    return jnp.concatenate([passed, main(entry)], axis=-1)


class GlobalAverage(nnx.Module):
    """Mean over all between examples and channels."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        pass

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, H, W, C] or [N, T, C] -> [N, C]."""
        return values.mean(axis=tuple(range(1, values.ndim - 1)))


class Classifier(nnx.Linear):
    """Linear layer, [N, C] -> logits [N, classes]."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        super().__init__(in_features, out_features, rngs=rngs)
