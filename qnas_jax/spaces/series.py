"""Spaces for series: `series`, and `series_tiny`, of which everything can be trained.

Ops are what is known to work on series: convolutions of one length (Wang et al. 2017)
and of several at once (Ismail Fawaz et al. 2020), separable ones with long and with
dilated kernels, a recurrence, and nothing. How often a series is shortened follows from
its length: it ends with 12 to 24 steps, whether it has 24 or 600 at first.
"""

import math

from qnas_jax.spaces.network import Layer, NetworkSpace, Op, fixed, op

_LAST_STEPS = 12
_STEM_KERNEL = 7

SERIES_OPS: tuple[Op, ...] = (
    op("sep1_k5", "series_separable", kernel=5),
    op("sep2_k9", "series_separable", kernel=9, expansion=2),
    op("sep2_k9_d4", "series_separable", kernel=9, dilation=4, expansion=2),
    op("sep2_k5_se", "series_separable", kernel=5, expansion=2, attention="se"),
    op("conv_k5", "series_conv", kernel=5),
    op("inception_k19", "series_inception", kernel=19),
    op("gru", "series_recurrence"),
    op("skip", "series_skip"),
)


def series(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """7 layers x 8 ops, 16 to 64 channels."""
    widths = (16, 16, 32, 32, 32, 64, 64)
    return _space("series", widths, (2, 5, 0, 3), input_shape, num_classes)


def series_tiny(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """4 layers x 8 ops, 12 to 24 channels: 4,096 networks of a few thousand weights."""
    widths = (12, 12, 24, 24)
    return _space("series_tiny", widths, (2, 0), input_shape, num_classes)


def _space(
    name: str,
    widths: tuple[int, ...],
    shorter: tuple[int, ...],
    input_shape: tuple[int, ...],
    num_classes: int,
) -> NetworkSpace:
    """Layers of all ops between a convolution and a classifier.

    Args:
      name: of the space.
      widths: channels behind each layer.
      shorter: the layers that halve the time, the first to do so first; what is left
        over the stem does.
      input_shape: (steps, channels).
      num_classes: number of logits.
    """
    halvings = max(0, int(math.log2(input_shape[0] / _LAST_STEPS)))
    halving = shorter[:halvings]
    stem = 2 ** (halvings - len(halving))
    before = (widths[0], *widths)
    return NetworkSpace(
        name=name,
        layers=tuple(
            Layer(before[place], width, 1 + (place in halving), SERIES_OPS)
            for place, width in enumerate(widths)
        ),
        stem=(
            fixed(input_shape[-1], widths[0], stem, "series_conv", kernel=_STEM_KERNEL),
        ),
        head=(
            fixed(widths[-1], widths[-1], 1, "global_average"),
            fixed(widths[-1], num_classes, 1, "classifier"),
        ),
        input_shape=input_shape,
        num_classes=num_classes,
    )
