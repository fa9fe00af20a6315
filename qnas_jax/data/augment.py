"""Random crop, horizontal flip, normalisation and cutout, inside jit.

Crop and flip follow He et al. 2016 (zero padding in pixel space, before
normalisation), cutout follows DeVries & Taylor 2017 (a square of zeros after
normalisation, its centre uniform over the image, clipped at the border). All is
written for one image and vectorised at the edge; `draw` makes the random choices and
`apply` is a plain function of them.
"""

import dataclasses
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class Augmentation(Options):
    """What training images undergo; hashable, hence static under jit."""

    crop_padding: int = option(
        0, "zero border of random crops of the original size, pixels; 0 is off", low=0
    )
    flip: bool = option(False, "mirror half of the images left-right")
    cutout: int = option(
        0, "side of the square set to the mean, pixels; 0 is off", low=0
    )


class Draw(NamedTuple):
    """The random choices for one image."""

    crop: jax.Array  # int32 [2], row and column of the crop, 0..2 * crop_padding
    flip: jax.Array  # bool []
    cutout: jax.Array  # int32 [2], row and column of the square's centre


def normalise(images: jax.Array, mean: jax.Array, std: jax.Array) -> jax.Array:
    """Scales pixels to [0, 1], then to zero mean and unit deviation.

    Args:
      images: uint8 [..., C].
      mean: float32 [C], of pixels in [0, 1].
      std: float32 [C], positive.

    Returns:
      float32 [..., C].
    """
    chex.assert_type(images, jnp.uint8)
    chex.assert_shape([mean, std], (images.shape[-1],))
    leading = tuple(range(images.ndim - 1))
    scale = jnp.expand_dims(1 / (255 * std), leading)
    shift = jnp.expand_dims(mean / std, leading)
    return images.astype(jnp.float32) * scale - shift


def draw(key: jax.Array, height: int, width: int, augmentation: Augmentation) -> Draw:
    """Makes the random choices for one image of `height` x `width`; `key` consumed."""
    crop_key, flip_key, cutout_key = jax.random.split(key, 3)
    return Draw(
        crop=jax.random.randint(
            crop_key, (2,), 0, 2 * augmentation.crop_padding + 1, jnp.int32
        ),
        flip=jax.random.bernoulli(flip_key) & augmentation.flip,
        cutout=jax.random.randint(
            cutout_key, (2,), 0, jnp.array([height, width]), jnp.int32
        ),
    )


def apply(
    choice: Draw,
    image: jax.Array,
    mean: jax.Array,
    std: jax.Array,
    augmentation: Augmentation,
) -> jax.Array:
    """Augments one image by given choices: crop, flip, normalise, cutout.

    Args:
      choice: as made by `draw`.
      image: uint8 [H, W, C].
      mean: float32 [C], of pixels in [0, 1].
      std: float32 [C], positive.
      augmentation: sizes that belong to `choice`.

    Returns:
      float32 [H, W, C].
    """
    chex.assert_rank(image, 3)
    if augmentation.crop_padding:
        image = _crop(image, choice.crop, augmentation.crop_padding)
    if augmentation.flip:
        image = jnp.where(choice.flip, image[:, ::-1], image)
    image = normalise(image, mean, std)
    if augmentation.cutout:
        image = _cut_out(image, choice.cutout, augmentation.cutout)
    return image


def augment(
    key: jax.Array,
    images: jax.Array,
    mean: jax.Array,
    std: jax.Array,
    augmentation: Augmentation,
) -> jax.Array:
    """Augments a batch, each image by its own random choices.

    Args:
      key: consumed.
      images: uint8 [N, H, W, C].
      mean: float32 [C], of pixels in [0, 1].
      std: float32 [C], positive.
      augmentation: what to do; static under jit.

    Returns:
      float32 [N, H, W, C], normalised.
    """
    chex.assert_rank(images, 4)
    num_images, height, width, _ = images.shape

    def one(image_key: jax.Array, image: jax.Array) -> jax.Array:
        choice = draw(image_key, height, width, augmentation)
        return apply(choice, image, mean, std, augmentation)

    return jax.vmap(one)(jax.random.split(key, num_images), images)


def _crop(image: jax.Array, corner: jax.Array, padding: int) -> jax.Array:
    padded = jnp.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    return jax.lax.dynamic_slice(padded, (corner[0], corner[1], 0), image.shape)


def _cut_out(image: jax.Array, centre: jax.Array, side: int) -> jax.Array:
    inside = [
        (jnp.arange(size) >= middle - side // 2)
        & (jnp.arange(size) < middle - side // 2 + side)
        for size, middle in zip(image.shape[:2], centre, strict=True)
    ]
    blank = inside[0][:, None, None] & inside[1][None, :, None]
    return jnp.where(blank, 0.0, image)
