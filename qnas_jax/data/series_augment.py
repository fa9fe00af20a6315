"""Random shift, scaling and noise of series, inside jit.

Scaling and noise ("jittering") follow Um et al. 2017: a factor for each channel of a
series, and independent noise at each step, both in units of the channels' deviations.
As for images, all is written for one series and vectorised at the edge.
"""

import dataclasses
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class SeriesAugmentation(Options):
    """What training series undergo; hashable, hence static under jit."""

    shift: int = option(
        0, "most steps that a series is moved, its end value repeated; 0 is off", low=0
    )
    scaling: float = option(
        0.0, "deviation of the factor of each channel around 1; 0 is off", low=0
    )
    jitter: float = option(
        0.0, "deviation of noise added to each value, in deviations; 0 is off", low=0
    )


class SeriesDraw(NamedTuple):
    """The random choices for one series."""

    shift: jax.Array  # int32 [], steps forwards, -shift..shift
    factor: jax.Array  # float32 [C]
    noise: jax.Array  # float32 [T, C], normal(0, 1)


def draw_series(
    key: jax.Array, length: int, channels: int, augmentation: SeriesAugmentation
) -> SeriesDraw:
    """Makes the random choices for one series; `key` consumed."""
    shift_key, factor_key, noise_key = jax.random.split(key, 3)
    most = augmentation.shift
    spread = jax.random.normal(factor_key, (channels,))
    return SeriesDraw(
        shift=jax.random.randint(shift_key, (), -most, most + 1, jnp.int32),
        factor=1 + augmentation.scaling * spread,
        noise=jax.random.normal(noise_key, (length, channels)),
    )


def apply_series(
    choice: SeriesDraw, series: jax.Array, augmentation: SeriesAugmentation
) -> jax.Array:
    """Augments one series by given choices; a missing value stays one.

    Args:
      choice: as made by `draw_series`.
      series: float32 [T, C], normalised; NaN is missing.
      augmentation: sizes that belong to `choice`.

    Returns:
      float32 [T, C].
    """
    chex.assert_rank(series, 2)
    if augmentation.shift:
        seen = jnp.arange(len(series)) - choice.shift
        series = series[jnp.clip(seen, 0, len(series) - 1)]
    if augmentation.scaling:
        series = series * choice.factor[None]
    if augmentation.jitter:
        series = series + augmentation.jitter * choice.noise
    return series


def augment_series(
    key: jax.Array, series: jax.Array, augmentation: SeriesAugmentation
) -> jax.Array:
    """Augments a batch, each series by its own random choices.

    Args:
      key: consumed.
      series: float32 [N, T, C], normalised; NaN is missing.
      augmentation: what to do; static under jit.

    Returns:
      float32 [N, T, C].
    """
    chex.assert_rank(series, 3)
    count, length, channels = series.shape

    def one(own_key: jax.Array, own: jax.Array) -> jax.Array:
        choice = draw_series(own_key, length, channels, augmentation)
        return apply_series(choice, own, augmentation)

    return jax.vmap(one)(jax.random.split(key, count), series)
