"""Networks that people designed, as spaces of a single architecture.

So they are counted, narrowed, retrained and described by what does this for searched
networks, and stand in the same table.

Sources: He et al., CVPR 2016, section 4.2 (ResNet-20 has 0.27 M parameters); Huang et
al., CVPR 2017 (DenseNet-BC with 100 layers, growth 12: 0.8 M); Sandler et al.,
MobileNetV2, CVPR 2018, table 2 (3.5 M with 1,000 classes), with the first strides left
out for small images.
"""

import re
from collections.abc import Callable

from qnas_jax.errors import UserError
from qnas_jax.spaces.hand_made_series import SERIES_NETWORKS
from qnas_jax.spaces.hand_made_text import hand_made_text
from qnas_jax.spaces.mobile import conv_head, strides_for
from qnas_jax.spaces.network import Layer, NetworkSpace, fixed, op

_GROWTH = 12


def resnet(depth: int, input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """ResNet for small images: three stages of 16, 32 and 64 channels.

    Args:
      depth: 6 m + 2, for m blocks a stage.
      input_shape: [height, width, channels].
      num_classes: of the classifier.

    Returns:
      The network.

    Raises:
      UserError: there is no ResNet of this depth.
    """
    blocks = _blocks_of("resnet", depth, offset=2)
    layers, features = [], 16
    for stage, width in enumerate((16, 32, 64)):
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            layers.append(fixed(features, width, stride, "basic_block"))
            features = width
    stem = fixed(input_shape[-1], 16, 1, "conv", kernel=3, activation="relu")
    return NetworkSpace(
        name=f"resnet{depth}",
        layers=tuple(layers),
        stem=(stem,),
        head=_linear_head(64, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def densenet(
    depth: int, input_shape: tuple[int, ...], num_classes: int
) -> NetworkSpace:
    """DenseNet-BC of growth 12: three dense blocks, channels halved between them.

    Args:
      depth: 6 m + 4, for m layers a block.
      input_shape: [height, width, channels].
      num_classes: of the classifier.

    Returns:
      The network.

    Raises:
      UserError: there is no DenseNet of this depth.
    """
    blocks = _blocks_of("densenet", depth, offset=4)
    features = 2 * _GROWTH
    stem = fixed(input_shape[-1], features, 1, "convolution", kernel=3)
    layers: list[Layer] = []
    for stage in range(3):
        if stage:
            layers.append(fixed(features, features // 2, 2, "transition"))
            features //= 2
        for _ in range(blocks):
            layers.append(fixed(features, features + _GROWTH, 1, "dense_layer"))
            features += _GROWTH
    return NetworkSpace(
        name=f"densenet{depth}",
        layers=tuple(layers),
        stem=(stem,),
        head=(
            fixed(features, features, 1, "norm_relu"),
            *_linear_head(features, num_classes),
        ),
        input_shape=input_shape,
        num_classes=num_classes,
    )


def mobilenet_v2(input_shape: tuple[int, ...], num_classes: int) -> NetworkSpace:
    """MobileNetV2: 17 inverted residuals of 3 x 3, expansion 6."""
    plan: list[tuple[int, int]] = []
    for features, count, stride in (
        (24, 2, 2),
        (32, 3, 2),
        (64, 4, 2),
        (96, 3, 1),
        (160, 3, 2),
        (320, 1, 1),
    ):
        plan += [(features, stride)] + [(features, 1)] * (count - 1)
    stem_stride, plan = strides_for(plan, input_shape)
    block = op("mb6_k3", "mbconv", kernel=3, expansion=6)
    layers, before = [], 16
    for features, stride in plan:
        layers.append(Layer(before, features, stride, (block,)))
        before = features
    return NetworkSpace(
        name="mobilenet_v2",
        layers=tuple(layers),
        stem=(
            fixed(input_shape[-1], 32, stem_stride, "conv", kernel=3),
            fixed(32, 16, 1, "mbconv", kernel=3, expansion=1),
        ),
        head=conv_head(320, 1280, num_classes),
        input_shape=input_shape,
        num_classes=num_classes,
    )


_WITH_DEPTH: dict[str, Callable[..., NetworkSpace]] = {
    "resnet": resnet,
    "densenet": densenet,
}
NAMES = "resnet8, resnet14, resnet20, ..., densenet22, densenet40, ..., mobilenet_v2"


def hand_made(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    words: int = 0,
    *,
    language: bool = False,
) -> NetworkSpace:
    """Looks a hand-made network up.

    Args:
      name: of images as in `NAMES`, of series as in `SERIES_NETWORKS`, of text as in
        `TEXT_NETWORKS`.
      input_shape: [height, width, channels] of images, [steps, channels] of series,
        [words, digits] of text.
      num_classes: of the classifier.
      words: that there are in text; 0: the inputs are no text.
      language: of each word the network says which one follows.

    Returns:
      A space of that network alone.

    Raises:
      UserError: there is no such network for such inputs.
    """
    if words:
        return hand_made_text(name, input_shape, num_classes, words, language)
    if len(input_shape) == 2:
        if name not in SERIES_NETWORKS:
            known = ", ".join(SERIES_NETWORKS)
            raise UserError(f"baselines: got {name!r}, expected one of {known}")
        return SERIES_NETWORKS[name](input_shape, num_classes)
    if name == "mobilenet_v2":
        return mobilenet_v2(input_shape, num_classes)
    found = re.fullmatch(r"([a-z]+)(\d+)", name)
    if found is None or found[1] not in _WITH_DEPTH:
        raise UserError(f"baselines: got {name!r}, expected one of {NAMES}")
    return _WITH_DEPTH[found[1]](int(found[2]), input_shape, num_classes)


def _blocks_of(name: str, depth: int, *, offset: int) -> int:
    """How many blocks a stage has, of two layers each."""
    blocks, rest = divmod(depth - offset, 6)
    if rest or blocks < 1:
        raise UserError(
            f"baselines: got {name}{depth!r}, expected a depth of 6 m + {offset}, such "
            f"as {name}{12 + offset}"
        )
    return blocks


def _linear_head(features: int, num_classes: int) -> tuple[Layer, ...]:
    return (
        fixed(features, features, 1, "global_average"),
        fixed(features, num_classes, 1, "classifier"),
    )
