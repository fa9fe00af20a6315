"""Batch normalisation by a batch's own statistics, with a rule for its gradient.

Plain differentiation keeps the values in float32, the values less their mean, and more,
each as large as the images; a scan over layers writes them all out. Here the gradient
keeps the images in their own precision and a few numbers a channel: with
x' = (x - mean) / deviation, s the scale and means over all but the channels,

    dx = s / deviation (dy - mean(dy) - x' mean(dy x')),  ds = sum(dy x'),  db = sum(dy)

(Ioffe & Szegedy 2015).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.devices import num_shares, over_shares
from qnas_jax.kernels.few_channels import few_channels
from qnas_jax.kernels.materialise import materialise

EPSILON = 1e-5


class Normalised(NamedTuple):
    """The result of a normalisation.

    Attributes:
      values: [N, ..., C], in the precision of the images.
      mean: [C], float32 at least.
      var: [C], likewise; biased, as the mean of squares less the square of the mean.
    """

    values: jax.Array
    mean: jax.Array
    var: jax.Array


def normalise(images: jax.Array, scale: jax.Array, offset: jax.Array) -> Normalised:
    """Normalises each channel by its mean and variance over the batch.

    Args:
      images: float [N, ..., C].
      scale: [C].
      offset: [C].

    Returns:
      Normalised values and the statistics, computed in float32 at least.
    """
    rows = _side_by_side(images)
    values, mean, var = _normalise(rows, scale, offset)
    return Normalised(values.reshape(images.shape), mean, var)


@jax.custom_vjp
def _normalise(
    images: jax.Array, scale: jax.Array, offset: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    images = materialise(images)
    exact = _exact(images)
    wide = images.astype(exact)
    features = len(scale)
    count = _count(images, features)
    sums, squares = over_shares(_sums(features, wide, wide * wide))
    mean = sums / count
    var = jnp.maximum(0.0, squares / count - mean * mean)
    factor = lax.rsqrt(var + EPSILON) * scale.astype(exact)
    values = (wide - _wide(mean, images)) * _wide(factor, images)
    values = values + _wide(offset.astype(exact), images)
    return values.astype(images.dtype), mean, var


def _forward(
    images: jax.Array, scale: jax.Array, offset: jax.Array
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], tuple[jax.Array, ...]]:
    images = materialise(images)
    values, mean, var = _normalise(images, scale, offset)
    return (values, mean, var), (images, scale, offset, mean, var)


def _backward(
    saved: tuple[jax.Array, ...], gradients: tuple[jax.Array, jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    images, scale, offset, mean, var = saved
    gradient, to_mean, to_var = gradients
    gradient = materialise(gradient)
    exact = _exact(images)
    features = len(scale)
    count = _count(images, features)
    wide, slope = images.astype(exact), gradient.astype(exact)
    centred = wide - _wide(mean, images)
    own_total, own_product = _sums(features, slope, slope * centred)
    total, product, to_mean, to_var = over_shares(
        [own_total, own_product, to_mean, to_var]
    )
    inverse = lax.rsqrt(var + EPSILON)
    factor = inverse * scale.astype(exact)
    # The variance is cut off at zero, where no gradient passes.
    through_var = (2 * to_var - factor * inverse * inverse * product) / count
    through_var = jnp.where(var > 0, through_var, 0.0)
    constant = (to_mean - factor * total) / count
    found = slope * _wide(factor, images) + _wide(constant, images)
    found = found + centred * _wide(through_var, images)
    return (
        found.astype(images.dtype),
        (own_product * inverse).astype(scale.dtype),
        own_total.astype(offset.dtype),
    )


_normalise.defvjp(_forward, _backward)


def _side_by_side(images: jax.Array) -> jax.Array:
    """Few channels of a line's pixels beside each other: [N, ..., W C] on CPU."""
    *shape, features = images.shape
    if not few_channels(features) or len(shape) < 2:
        return images
    return images.reshape(*shape[:-1], shape[-1] * features)


def _count(images: jax.Array, features: int) -> int:
    """Pixels of the whole batch, which several devices may share."""
    return num_shares() * images.size // features


def _sums(features: int, *arrays: jax.Array) -> list[jax.Array]:
    """Sums [C] of arrays of one shape, which a GPU takes in one pass."""
    if arrays[0].shape[-1] == features:
        return [each.sum(axis=tuple(range(each.ndim - 1))) for each in arrays]
    # A product with ones: XLA's sums take one column after the other.
    rows = [each.reshape(-1, each.shape[-1]) for each in arrays]
    totals = [jnp.ones((1, len(each)), each.dtype) @ each for each in rows]
    return [each.reshape(-1, features).sum(axis=0) for each in totals]


def _wide(numbers: jax.Array, images: jax.Array) -> jax.Array:
    """Numbers [C] beside each channel of images."""
    numbers = jnp.tile(numbers, images.shape[-1] // len(numbers))
    return numbers.reshape((1,) * (images.ndim - 1) + (-1,))


def _exact(images: jax.Array) -> jnp.dtype:
    return jnp.promote_types(images.dtype, jnp.float32)
