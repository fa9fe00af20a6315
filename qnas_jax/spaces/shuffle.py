"""The `spos` space: 20 layers x 4 shuffle blocks (Guo et al. 2020, Table 1)."""

from qnas_jax.spaces.mobile import conv_head, strides_for
from qnas_jax.spaces.network import NetworkSpace, chain, fixed, op

SPOS_OPS = (
    op("shuffle_k3", "shuffle", kernel=3),
    op("shuffle_k5", "shuffle", kernel=5),
    op("shuffle_k7", "shuffle", kernel=7),
    op("xception", "shuffle_xception"),
)


def spos(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """20 layers x 4 ops; stages of 4, 4, 8, 4 blocks with 64, 160, 320, 640 channels.

    Differs from the paper in the strides for images up to 64 pixels: as in the other
    spaces, the stem and the first stage keep the resolution.
    """
    plan: list[tuple[int, int]] = []
    for features, depth in ((64, 4), (160, 4), (320, 8), (640, 4)):
        plan += [(features, 2)] + [(features, 1)] * (depth - 1)
    stem_stride, plan = strides_for(plan, input_shape)
    return NetworkSpace(
        name="spos",
        layers=chain(16, plan, SPOS_OPS),
        stem=(
            fixed(
                input_shape[-1], 16, stem_stride, "conv", kernel=3, activation="relu"
            ),
        ),
        head=conv_head(640, 1024, num_classes, activation="relu"),
        input_shape=input_shape,
        num_classes=num_classes,
    )
