"""Padded images and their shifted views: what convolutions are made of."""

import jax
import jax.numpy as jnp


def pad(images: jax.Array, border: int) -> jax.Array:
    """Puts `border` rows and columns of zeros around images [N, H, W, C]."""
    return jnp.pad(images, [(0, 0), (border, border), (border, border), (0, 0)])


def taps(padded: jax.Array, size: int, stride: int) -> list[jax.Array]:
    """The size * size shifted views [N, H_out, W_out, C] of padded images."""
    _, height, width, _ = padded.shape
    rows = (height - size) // stride + 1
    columns = (width - size) // stride + 1
    return [
        padded[
            :,
            i : i + (rows - 1) * stride + 1 : stride,
            j : j + (columns - 1) * stride + 1 : stride,
        ]
        for i in range(size)
        for j in range(size)
    ]
