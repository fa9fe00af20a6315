"""Small spaces: `digits` for 8 x 8 images, `cifar_small` and `edge` for CIFAR-size.

`digits_tiny` is a part of `digits`: so few networks that all of them can be trained
(`experiments/comparisons/small_benchmark.py`).
"""

from qnas_jax.spaces.cell import CellSpace
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
SKIP = op("skip", "skip")


def _layers(
    in_features: int, plan: list[tuple[int, int]], ops: tuple[Op, ...] = DOWN_OPS
) -> tuple[Layer, ...]:
    """Layers of these ops, and of a skip where the shape is kept."""
    layers = []
    for out_features, stride in plan:
        same = stride == 1 and in_features == out_features
        own = (*ops, SKIP) if same else ops
        layers.append(Layer(in_features, out_features, stride, own))
        in_features = out_features
    return tuple(layers)


def digits(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """5 layers x 5 or 6 ops, 16 to 48 channels; skip only where the shape is kept."""
    return _digits("digits", DOWN_OPS, input_shape, num_classes)


def digits_tiny(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """The 576 networks of `digits` with a small, a large, an attentive op or none."""
    ops = (_mb(3, 2), _mb(5, 4), _mb(3, 4, "se"))
    return _digits("digits_tiny", ops, input_shape, num_classes)


def _digits(
    name: str, ops: tuple[Op, ...], input_shape: tuple[int, ...], num_classes: int
) -> NetworkSpace:
    return NetworkSpace(
        name=name,
        layers=_layers(16, [(16, 1), (24, 2), (24, 1), (48, 2), (48, 1)], ops),
        stem=(fixed(input_shape[-1], 16, 1, "conv", kernel=3),),
        head=conv_head(48, 96, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def edge(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """8 layers x 5 or 6 ops, 16 to 80 channels: networks below a millisecond."""
    plan = [(16, 1), (24, 2), (24, 1), (40, 2), (40, 1), (40, 1), (80, 2), (80, 1)]
    return NetworkSpace(
        name="edge",
        layers=_layers(16, plan),
        stem=(fixed(input_shape[-1], 16, 1, "conv", kernel=3),),
        head=conv_head(80, 160, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def cifar_small(input_shape: tuple[int, ...], num_classes: int) -> CellSpace:
    """The cells of NAS-Bench-201 in a network for a CPU: nine of 6, 12, 24 channels.

    Depth makes networks of the same cost differ: whether convolutions stand on ways
    that also pass on what they got decides how well so many cells in a row train
    (`configs/cifar10_small.py`).
    """
    return CellSpace("cifar_small", input_shape, num_classes, features=6, cells=3)
