"""Networks that people designed for series, as spaces of a single architecture.

Sources: Wang, Yan & Oates, Time series classification from scratch with deep neural
networks: a strong baseline, IJCNN 2017 (FCN, ResNet); Ismail Fawaz et al.,
InceptionTime: finding AlexNet for time series classification, Data Min. Knowl. Disc. 34
(2020). InceptionTime is an ensemble of five networks; this is one of them. Differs from
the public code in that convolutions have no bias where batch normalisation follows,
which takes it out again.
"""

from collections.abc import Callable

from qnas_jax.spaces.network import Layer, NetworkSpace, fixed

_QUARTER = 32  # channels of each branch of an inception module


def fcn(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """Three convolutions of 128, 256 and 128 channels, 8, 5 and 3 steps long."""
    layers, before = [], input_shape[-1]
    for features, kernel in ((128, 8), (256, 5), (128, 3)):
        layers.append(fixed(before, features, 1, "series_conv", kernel=kernel))
        before = features
    return _network("fcn", layers, input_shape, num_classes)


def resnet(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """Three residual blocks of 64, 128 and 128 channels, three convolutions each."""
    layers, before = [], input_shape[-1]
    for features in (64, 128, 128):
        layers.append(fixed(before, features, 1, "series_residual"))
        before = features
    return _network("resnet", layers, input_shape, num_classes)


def inception_time(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """Six inception modules of 4 x 32 channels, a shortcut around three of them each.

    Kernels are 40, 20 and 10 steps long, the bottleneck has 32 channels.
    """
    layers, before, features = [], input_shape[-1], 4 * _QUARTER
    for _ in range(2):
        layers.append(fixed(before, features, 1, "series_inception_residual"))
        before = features
    return _network("inception_time", layers, input_shape, num_classes)


SERIES_NETWORKS: dict[str, Callable[[tuple[int, ...], int], NetworkSpace]] = {
    "fcn": fcn,
    "resnet": resnet,
    "inception_time": inception_time,
}


def _network(
    name: str, layers: list[Layer], input_shape: tuple[int, ...], num_classes: int
) -> NetworkSpace:
    """A chain that ends in the mean over time and a linear layer."""
    features = layers[-1].out_features
    return NetworkSpace(
        name=name,
        layers=tuple(layers),
        stem=(),
        head=(
            fixed(features, features, 1, "global_average"),
            fixed(features, num_classes, 1, "classifier"),
        ),
        input_shape=input_shape,
        num_classes=num_classes,
    )
