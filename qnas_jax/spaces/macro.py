"""The `nas_bench_macro` space: 8 layers x 3 ops (Su et al. 2021, NAS-Bench-Macro).

All 6,561 networks were trained by its authors on CIFAR-10, so a supernet's ranking can
be held against the truth. Identity is a strided point-wise convolution with batch
normalisation where the shape changes.
"""

from qnas_jax.spaces.mobile import conv_head
from qnas_jax.spaces.network import NetworkSpace, chain, fixed, op

MACRO_OPS = (
    op("identity", "projection"),
    op("mb3_k3", "mbconv", kernel=3, expansion=3, activation="relu"),
    op("mb6_k5", "mbconv", kernel=5, expansion=6, activation="relu"),
)


def nas_bench_macro(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """Stages of 2, 3 and 3 layers with 64, 128 and 256 channels."""
    plan = (
        [(64, 2), (64, 1)] + [(128, 2)] + [(128, 1)] * 2 + [(256, 2)] + [(256, 1)] * 2
    )
    return NetworkSpace(
        name="nas_bench_macro",
        layers=chain(32, plan, MACRO_OPS),
        stem=(fixed(input_shape[-1], 32, 1, "conv", kernel=3, activation="relu"),),
        head=conv_head(256, 1280, num_classes, activation="relu"),
        input_shape=input_shape,
        num_classes=num_classes,
    )
