"""The MobileNet-style spaces: `proxylessnas`, `fbnet_s`, `fbnet_l`.

Sources: the public BQNAS code (Li et al. 2024), whose op order and channel plan are
kept so that architectures can be exchanged; ProxylessNAS (Cai et al. 2019) and FBNet
(Wu et al. 2019) for the plans. For small images (up to 64 pixels) the first two strides
of 2 become 1, as there.
"""

from qnas_jax.spaces.network import Layer, NetworkSpace, Op, chain, fixed, op

_SMALL_IMAGE = 64
_ATTENTION_LABEL = {"none": "", "se": "_se", "eca": "_eca"}


def _mbconv(kernel: int, expansion: int, attention: str = "none") -> Op:
    return op(
        f"mb{expansion}_k{kernel}{_ATTENTION_LABEL[attention]}",
        "mbconv",
        kernel=kernel,
        expansion=expansion,
        attention=attention,
    )


PROXYLESSNAS_OPS = (
    _mbconv(3, 1),
    _mbconv(3, 3),
    _mbconv(3, 6),
    _mbconv(5, 3),
    _mbconv(5, 6),
    _mbconv(3, 3, "eca"),
    _mbconv(5, 6, "se"),
    _mbconv(3, 1, "se"),
    _mbconv(3, 3, "se"),
    _mbconv(3, 6, "se"),
    _mbconv(5, 3, "se"),
    _mbconv(5, 6, "eca"),
    _mbconv(5, 3, "eca"),
    _mbconv(3, 6, "eca"),
    _mbconv(3, 1, "eca"),
    op("skip", "skip"),
)

FBNET_OPS = (
    _mbconv(3, 1),
    op("mb1_k3_g2", "mbconv", kernel=3, expansion=1, groups=2),
    _mbconv(3, 3),
    _mbconv(3, 6),
    _mbconv(5, 1),
    op("mb1_k5_g2", "mbconv", kernel=5, expansion=1, groups=2),
    _mbconv(5, 3),
    _mbconv(5, 6),
    op("skip", "skip"),
)


def _stage(out_features: int, depth: int, stride: int) -> list[tuple[int, int]]:
    return [(out_features, stride)] + [(out_features, 1)] * (depth - 1)


def strides_for(
    plan: list[tuple[int, int]], input_shape: tuple[int, ...]
) -> tuple[int, list[tuple[int, int]]]:
    """Stem stride and plan for an image size (public code: 1 and one 2 less if small).

    Args:
      plan: (out_features, stride) of each layer for images of 224 pixels.
      input_shape: (height, width, channels).

    Returns:
      The stride of the stem and the plan to use.
    """
    if max(input_shape[:2]) > _SMALL_IMAGE:
        return 2, plan
    first = next(i for i, (_, stride) in enumerate(plan) if stride == 2)
    return 1, [(f, 1 if i == first else s) for i, (f, s) in enumerate(plan)]


def conv_head(
    in_features: int, width: int, num_classes: int, activation: str = "relu6"
) -> tuple[Layer, ...]:
    """Point-wise convolution, global average, linear classifier."""
    return (
        fixed(in_features, width, 1, "conv", kernel=1, activation=activation),
        fixed(width, width, 1, "global_average"),
        fixed(width, num_classes, 1, "classifier"),
    )


def proxylessnas(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """21 layers x 16 ops: MBConv k 3/5, expansion 1/3/6, none/SE/ECA, and skip."""
    plan = (
        _stage(24, 4, 2)
        + _stage(40, 4, 2)
        + _stage(80, 4, 2)
        + _stage(96, 4, 1)
        + _stage(192, 4, 2)
        + _stage(320, 1, 1)
    )
    stem_stride, plan = strides_for(plan, input_shape)
    return NetworkSpace(
        name="proxylessnas",
        layers=chain(16, plan, PROXYLESSNAS_OPS),
        stem=(
            fixed(input_shape[-1], 32, stem_stride, "conv", kernel=3),
            fixed(32, 16, 1, "mbconv", kernel=3, expansion=1),
        ),
        head=conv_head(320, 1280, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def _fbnet(
    name: str, head_width: int, input_shape: tuple[int, ...], num_classes: int
) -> NetworkSpace:
    plan = (
        _stage(16, 1, 1)
        + _stage(24, 4, 2)
        + _stage(32, 4, 2)
        + _stage(64, 4, 2)
        + _stage(112, 4, 1)
        + _stage(184, 4, 2)
        + _stage(352, 1, 1)
    )
    stem_stride, plan = strides_for(plan, input_shape)
    return NetworkSpace(
        name=name,
        layers=chain(16, plan, FBNET_OPS),
        stem=(fixed(input_shape[-1], 16, stem_stride, "conv", kernel=3),),
        head=conv_head(352, head_width, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def fbnet_s(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """22 layers x 9 ops with grouped point-wise convolutions, head of 1504."""
    return _fbnet("fbnet_s", 1504, input_shape, num_classes)


def fbnet_l(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """22 layers x 9 ops with grouped point-wise convolutions, head of 1984."""
    return _fbnet("fbnet_l", 1984, input_shape, num_classes)
