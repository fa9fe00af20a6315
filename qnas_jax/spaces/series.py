"""Spaces for series: `series`, `series_tiny`, and `series_mini`, which is a part of it.

Of `series_mini` all networks can be trained within minutes
(`experiments/comparisons/small_benchmark.py`).

Ops are what is known to work on series: convolutions of one length (Wang et al. 2017)
and of several at once (Ismail Fawaz et al. 2020), separable ones with long and with
dilated kernels, a recurrence, and nothing; in `series` also the maximum of neighbours.
How often a series is shortened follows from its length: it ends with 12 to 24 steps,
whether it has 24 or 600 at first.
"""

import math

from qnas_jax.spaces.network import Layer, NetworkSpace, Op, fixed, op

_LAST_STEPS = 12
_STEM_KERNEL = 7

TINY_OPS: tuple[Op, ...] = (
    op("sep1_k5", "series_separable", kernel=5),
    op("sep2_k9", "series_separable", kernel=9, expansion=2),
    op("sep2_k9_d4", "series_separable", kernel=9, dilation=4, expansion=2),
    op("sep2_k5_se", "series_separable", kernel=5, expansion=2, attention="se"),
    op("conv_k5", "series_conv", kernel=5),
    op("inception_k19", "series_inception", kernel=19),
    op("gru", "series_recurrence"),
    op("skip", "series_skip"),
)

SERIES_OPS: tuple[Op, ...] = (
    *TINY_OPS,
    op("max_k3", "series_pool", kernel=3, pooling="max"),
)

_BY_NAME = {each.name: each for each in TINY_OPS}
MINI_OPS: tuple[Op, ...] = tuple(
    _BY_NAME[name] for name in ("sep1_k5", "sep2_k9_d4", "conv_k5", "gru", "skip")
)


def series(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """7 layers x 9 ops, 16 to 64 channels."""
    widths = (16, 16, 32, 32, 32, 64, 64)
    halving = (2, 5, 0, 3)
    return _space("series", widths, halving, SERIES_OPS, input_shape, num_classes)


def series_tiny(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """4 layers x 8 ops, 12 to 24 channels: 4,096 networks of a few thousand weights."""
    return _tiny("series_tiny", TINY_OPS, input_shape, num_classes)


def series_mini(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """The 625 networks of `series_tiny` with one of five kinds of ops in each layer."""
    return _tiny("series_mini", MINI_OPS, input_shape, num_classes)


def _tiny(
    name: str, ops: tuple[Op, ...], input_shape: tuple[int, ...], num_classes: int
) -> NetworkSpace:
    return _space(name, (12, 12, 24, 24), (2, 0), ops, input_shape, num_classes)


def _space(
    name: str,
    widths: tuple[int, ...],
    shorter: tuple[int, ...],
    ops: tuple[Op, ...],
    input_shape: tuple[int, ...],
    num_classes: int,
) -> NetworkSpace:
    """Layers of all ops between a convolution and a classifier.

    Args:
      name: of the space.
      widths: channels behind each layer.
      shorter: the layers that halve the time, the first to do so first; what is left
        over the stem does.
      ops: the candidates of every layer.
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
            Layer(before[place], width, 1 + (place in halving), ops)
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
