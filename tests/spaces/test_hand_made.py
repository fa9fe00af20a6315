"""Hand-made networks have the published sizes; unknown ones are one line."""

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import SERIES_NETWORKS, hand_made, narrowed

CIFAR, IMAGENET = (32, 32, 3), (224, 224, 3)


def costs(space):
    arch = np.zeros((1, space.num_layers), int)
    return {
        name: int(values[0])
        for name, values in build_supernet(space).cost_table().cost(arch).items()
    }


@pytest.mark.parametrize(
    ("name", "shape", "classes", "params"),
    [
        # He et al. 2016, table 6: 0.27 M, 0.46 M; Huang et al. 2017, table 2: 0.8 M;
        # to the unit as the public implementations count them.
        ("resnet20", CIFAR, 10, 269_722),
        ("resnet32", CIFAR, 10, 464_154),
        ("densenet100", CIFAR, 10, 769_162),
        ("mobilenet_v2", IMAGENET, 1000, 3_504_872),
    ],
)
def test_published_sizes(name, shape, classes, params):
    assert costs(hand_made(name, shape, classes))["params"] == params


def test_resnet8_by_hand():
    # Stem 3 -> 16; blocks 16 -> 16, 16 -> 32, 32 -> 64, all 3 x 3; 64 -> 10 with bias.
    convolutions = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    norms = 2 * (16 + 2 * 16 + 2 * 32 + 2 * 64)
    pixels = 32 * 32
    macs = 9 * (
        pixels * (3 * 16 + 2 * 16 * 16)
        + pixels // 4 * (16 * 32 + 32 * 32)
        + pixels // 16 * (32 * 64 + 64 * 64)
    )
    found = costs(hand_made("resnet8", CIFAR, 10))
    assert found["params"] == convolutions + norms + 650
    assert found["macs"] == macs + 640


def test_narrowed_ones_have_about_the_square_of_the_parameters():
    for name in ("resnet14", "densenet22"):
        space = hand_made(name, CIFAR, 10)
        share = costs(narrowed(space, 0.5))["params"] / costs(space)["params"]
        assert 0.2 < share < 0.35, name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alexnet", "expected one of resnet8, resnet14"),
        ("resnet", "expected one of resnet8"),
        ("resnet21", r"expected a depth of 6 m \+ 2, such as resnet14"),
        ("densenet2", r"expected a depth of 6 m \+ 4"),
    ],
)
def test_unknown_networks(name, words):
    with pytest.raises(UserError, match=f"baselines: got .*{words}"):
        hand_made(name, CIFAR, 10)


def batch_norms(*channels):
    return 2 * sum(channels)


def test_networks_of_series_by_hand():
    """For series of one channel and two classes, of 50 steps.

    Public code of FCN and ResNet has biases before normalisation, and counts 264,704
    and 504,000 without the last layer; InceptionTime has none, and 420,192.
    """
    linear = 128 * 2 + 2
    convolutions = 8 * 128 + 5 * 128 * 256 + 3 * 256 * 128
    fcn = convolutions + batch_norms(128, 256, 128)
    assert fcn + 128 + 256 + 128 == 264_704
    found = costs(hand_made("fcn", (50, 1), 2))
    assert found["params"] == fcn + linear
    assert found["macs"] == 50 * convolutions + 256
    first = 8 * 64 + (5 + 3) * 64 * 64 + 64
    second = 8 * 64 * 128 + (5 + 3) * 128 * 128 + 64 * 128
    third = (8 + 5 + 3) * 128 * 128
    resnet = first + second + third + batch_norms(*4 * [64], *8 * [128])
    assert resnet + 4 * 64 + 4 * 128 + 3 * 128 == 504_000
    assert costs(hand_made("resnet", (50, 1), 2))["params"] == resnet + linear
    module = 128 * 32 + (40 + 20 + 10) * 32 * 32 + 128 * 32
    alone = (40 + 20 + 10) * 32 + 32
    shortcuts = 128 + 128 * 128
    inception = alone + 5 * module + shortcuts + batch_norms(*8 * [128])
    assert inception == 420_192
    assert costs(hand_made("inception_time", (50, 1), 2))["params"] == 420_192 + linear


def text_costs(name, width, **options):
    """Of a network of 10 words in sentences of 7, `width` channels with the mask."""
    whole = hand_made(name, (7, 2), 10, 10, **options)
    found = narrowed(whole, width / 128)
    assert found.layers[0].in_features == width
    return costs(found)


def test_networks_of_text_by_hand():
    """Of 15 features: embedding, layers, and normalisation and product of the head."""
    ends = 10 * 15 + 2 * 15
    classes = 16 * 10 + 10  # the mean of a mask of ones is one feature more
    lstm = 4 * 8 * (15 + 8 + 1) + 4 * 7 * (15 + 7 + 1)  # there and back
    found = text_costs("lstm", 16)
    assert found["params"] == ends + lstm + classes
    products = 4 * 8 * (15 + 8) + 4 * 7 * (15 + 7)
    assert found["macs"] == 7 * products + 160
    attention, wide = 2 * 15 + 4 * 15 * 16, 2 * 15 + 2 * 15 * 60 + 60
    found = text_costs("transformer", 16)
    assert found["params"] == ends + 2 * (attention + wide) + classes
    each = 7 * 4 * 15 * 16 + 2 * 7 * 7 * 16 + 7 * 2 * 15 * 60
    assert found["macs"] == 2 * each + 160


def test_networks_of_running_text_by_hand():
    ends, classes = 10 * 15 + 2 * 15, 15 * 10 + 10
    found = text_costs("lstm", 16, language=True)
    assert found["params"] == ends + 2 * 4 * 15 * (15 + 15 + 1) + classes
    assert found["macs"] == 7 * (2 * 4 * 15 * 30 + 150)
    attention, wide = 2 * 15 + 4 * 15 * 16, 2 * 15 + 2 * 15 * 60 + 60
    found = text_costs("transformer", 16, language=True)
    assert found["params"] == ends + 2 * (attention + wide) + classes
    attended = {
        op.kind: dict(op.options).get("causal", False)
        for layer in hand_made("transformer", (7, 2), 10, 10, language=True).layers
        for op in layer.ops
    }
    assert attended["text_attention"] is True
    with pytest.raises(UserError, match="got 'fcn', expected one of lstm, transform"):
        hand_made("fcn", (7, 2), 10, 10)


@pytest.mark.parametrize("name", SERIES_NETWORKS)
def test_networks_of_series_are_narrowed_and_keep_to_their_kind(name):
    space = hand_made(name, (24, 3), 4)
    share = costs(narrowed(space, 0.25))["params"] / costs(space)["params"]
    assert 1 / 20 < share < 1 / 10
    with pytest.raises(UserError, match=f"got '{name}', expected one of resnet8, "):
        hand_made(name, CIFAR, 10)
    with pytest.raises(UserError, match="got 'resnet20', expected one of fcn, resnet,"):
        hand_made("resnet20", (24, 3), 4)
