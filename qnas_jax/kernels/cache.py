"""How many images to compute at once so that intermediate values stay in the cache.

On CPU the values inside a wide block of one image are up to half a megabyte. A few
images at once keep them in the second-level cache between one operation and the next;
fewer would leave the matrix products too small (measured by
`experiments/benches/kernels.py`). Accelerators want all images at once.
"""

import jax

_CACHE_VALUES = {"cpu": 800_000}


def images_at_once(size: int, count: int) -> int:
    """Chooses the part of a batch to compute at once.

    Args:
      size: values of the largest intermediate array of one image.
      count: images in the batch.

    Returns:
      A divisor of `count`.
    """
    values = _CACHE_VALUES.get(jax.default_backend())
    if values is None or size * count <= values:
        return count
    most = max(values // size, 1)
    return max(part for part in range(1, most + 1) if count % part == 0)
