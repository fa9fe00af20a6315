"""How much is computed at once, so that the memory of the device suffices.

The unit is an image in a network: a block of B networks that see a chunk of N images
computes B * N of them at once. A first number is estimated from the memory that is
free. Where memory runs out all the same the number is halved, first the networks and
then the images, which is said, and kept for all that is computed afterwards.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from absl import logging

from qnas_jax.errors import UserError
from qnas_jax.kernels.device_memory import free_bytes, is_out_of_memory

Result = TypeVar("Result")

# Of the memory that is free; and arrays of the size of the largest that live at once.
# Compiled for a CPU, blocks of 4 networks x 32 images take 3 of them for networks of
# `nas_bench_macro`, 7 in bfloat16; 26 and 39 for the cells of `nas_bench_201`.
_SHARE = 0.5
_ARRAYS = 32


def networks_at_once(largest_values: int, images: int, precision: str) -> int:
    """Estimates how many networks can be run at once.

    Args:
      largest_values: values of the largest array inside of a network for one image.
      images: that each of them sees at once.
      precision: of these values.

    Returns:
      The number, 1 or more; 1 where the device does not say what memory it has.
    """
    free = free_bytes()
    if free is None:
        return 1
    each = _ARRAYS * largest_values * images * jnp.dtype(precision).itemsize
    return max(int(_SHARE * free // each), 1)


def split(number: int, images: int) -> tuple[int, int]:
    """Networks and images of a number that is computed at once.

    Args:
      number: of images in networks, 1 or more.
      images: the most of one network.

    Returns:
      (networks, images), both 1 or more.
    """
    return max(number // images, 1), min(number, images)


class AtOnce:
    """What was found to be too much for the memory; one for all scorers of a run."""

    def __init__(self, say: Callable[[str], object] = logging.warning):
        """Nothing is too much yet.

        Args:
          say: tells the user that less is computed at once from now on.
        """
        self._most: int | None = None
        self._say = say

    def run(self, compute: Callable[[int], Result], wanted: int, images: int) -> Result:
        """Computes, if need be less at once.

        Args:
          compute: how many images in networks at once -> result.
          wanted: the number to begin with, unless it was too much before.
          images: the most of one network, for what is said.

        Returns:
          The result; outside of traced functions it is waited for.

        Raises:
          UserError: the memory does not suffice for one image in one network.
        """
        number = wanted if self._most is None else min(wanted, self._most)
        while True:
            try:
                return jax.block_until_ready(compute(number))
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if number == 1:
                    raise UserError(
                        "scoring: out of memory with one image in one network; take a "
                        "smaller space, images of fewer pixels, or another device"
                    ) from error
            before, number = split(number, images), number // 2
            after = split(number, images)
            self._most = number
            self._say(
                f"scoring: out of memory with {before[0]} x {before[1]} images at "
                f"once (networks x images), from now on {after[0]} x {after[1]}"
            )
