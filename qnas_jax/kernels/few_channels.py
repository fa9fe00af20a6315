"""Neighbouring pixels beside each other where each has few channels.

On a CPU, products, sums and normalisation of a handful of channels fill a part of each
vector register; with the channels of several pixels in a row they fill it. Measured by
`experiments/benches/kernels.py`.
"""

import jax

from qnas_jax.kernels import dispatch

_FEW = 10


def few_channels(channels: int) -> bool:
    """Whether several pixels are to be taken at once: on a CPU, up to ten channels."""
    # The plain forms are what costs are counted on, and accelerators run.
    plain = dispatch.forced_implementation() == dispatch.REFERENCE
    return channels <= _FEW and jax.default_backend() == "cpu" and not plain


def pixels_at_once(pixels: int, channels: int) -> int:
    """Neighbouring pixels that a product takes side by side.

    More fill the registers better, and multiply more zeros.

    Args:
      pixels: of a row.
      channels: the larger number of the kernel's channels.

    Returns:
      A divisor of `pixels`; 1 where nothing is gained.
    """
    if channels > _FEW:
        return 1
    wanted = 4 if channels <= _FEW // 2 else 2
    return max(part for part in range(1, wanted + 1) if pixels % part == 0)
