"""Images of any size in one size: the shorter side decides, the middle is kept."""

import numpy as np


def fit_image(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes an image, as far as it can without distortion, and cuts out its middle.

    Args:
      pixels: uint8 [H, W, C], of at least one pixel.
      height: of the result.
      width: of the result.

    Returns:
      uint8 [height, width, C], bilinear with a filter as wide as the reduction; the
      image itself where it has that size.
    """
    from PIL import Image, ImageOps

    if pixels.shape[:2] == (height, width):
        return pixels
    planes = [
        np.asarray(
            ImageOps.fit(
                Image.fromarray(np.ascontiguousarray(pixels[..., channel])),
                (width, height),
                Image.Resampling.BILINEAR,
            )
        )
        for channel in range(pixels.shape[-1])
    ]
    return np.stack(planes, axis=-1)
