"""Smaller images of a data set, for networks that only have to rank.

Each is resized once, on the device, by a triangle filter as wide as the reduction (no
aliasing), and stays uint8. Normalisation and augmentation come afterwards.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.data.dataset import Dataset, Split
from qnas_jax.errors import UserError

_AT_ONCE = 2_048


def resized_shape(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
    """Shape of an image after `resized`.

    Args:
      shape: (height, width, channels).
      side: the new height; 0: as it is.

    Returns:
      The shape; the width keeps its ratio to the height.

    Raises:
      UserError: inputs of that shape are no images.
    """
    if not side:
        return shape
    if len(shape) != 3:
        raise UserError(
            f"side: got {side}, expected 0: inputs of shape {list(shape)} are no images"
        )
    height, width, channels = shape
    return side, max(1, round(width * side / height)), channels


def resized(dataset: Dataset, side: int) -> Dataset:
    """The data set with images of another size.

    Args:
      dataset: inputs uint8 [N, H, W, C].
      side: the new height, pixels; 0: as it is.

    Returns:
      The data set, with the same examples in the same order.

    Raises:
      UserError: its inputs are no images.
    """
    shape = resized_shape(dataset.input_shape, side)
    if shape == dataset.input_shape:
        return dataset
    return dataclasses.replace(
        dataset,
        train=_resized(dataset.train, shape),
        valid=_resized(dataset.valid, shape),
        test=_resized(dataset.test, shape),
    )


def _resized(split: Split, shape: tuple[int, ...]) -> Split:
    starts = range(0, len(split), _AT_ONCE)
    parts = [_resize(split.inputs[at : at + _AT_ONCE], shape) for at in starts]
    return Split(np.concatenate(parts), split.targets)


@functools.partial(jax.jit, static_argnums=1)
def _resize(images: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Images uint8 [N, *shape]."""
    values = images.astype(jnp.float32)
    values = jax.image.resize(values, (len(images), *shape), "linear")
    return jnp.clip(jnp.round(values), 0, 255).astype(jnp.uint8)
