"""Small spaces: `digits` for 8 x 8 images, `cifar_small` for CIFAR-size on a CPU."""

from qnas_jax.spaces.mobile import conv_head
from qnas_jax.spaces.network import Layer, NetworkSpace, Op, fixed, op


def _mb(kernel: int, expansion: int, attention: str = "none") -> Op:
    label = "" if attention == "none" else f"_{attention}"
    return op(
        f"mb{expansion}_k{kernel}{label}",
        "mbconv",
        kernel=kernel,
        expansion=expansion,
        attention=attention,
    )


DOWN_OPS = (_mb(3, 2), _mb(5, 2), _mb(3, 4), _mb(5, 4), _mb(3, 4, "se"))
SAME_OPS = (*DOWN_OPS, op("skip", "skip"))


def _layers(in_features: int, plan: list[tuple[int, int]]) -> tuple[Layer, ...]:
    layers = []
    for out_features, stride in plan:
        same = stride == 1 and in_features == out_features
        ops = SAME_OPS if same else DOWN_OPS
        layers.append(Layer(in_features, out_features, stride, ops))
        in_features = out_features
    return tuple(layers)


def digits(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """5 layers x 5 or 6 ops, 16 to 48 channels; skip only where the shape is kept."""
    return NetworkSpace(
        name="digits",
        layers=_layers(16, [(16, 1), (24, 2), (24, 1), (48, 2), (48, 1)]),
        stem=(fixed(input_shape[-1], 16, 1, "conv", kernel=3),),
        head=conv_head(48, 96, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def cifar_small(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """8 layers x 5 or 6 ops, 16 to 96 channels, stem with stride 2."""
    plan = [(24, 1), (24, 1), (40, 2), (40, 1), (40, 1), (80, 2), (80, 1), (80, 1)]
    return NetworkSpace(
        name="cifar_small",
        layers=_layers(16, plan),
        stem=(fixed(input_shape[-1], 16, 2, "conv", kernel=3),),
        head=conv_head(80, 256, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )
