"""Sizes to the unit: the public code's counts, a benchmark's, and a paper's."""

import json

import numpy as np
import pytest

from qnas_jax.nets import build_supernet
from qnas_jax.spaces import SpaceOptions, build_space


def table_of(name, input_shape=(32, 32, 3), num_classes=10):
    space = build_space(SpaceOptions(name=name), input_shape, num_classes)
    return build_supernet(space).cost_table()


@pytest.mark.parametrize("name", ["proxylessnas", "fbnet_s", "fbnet_l"])
def test_public_bqnas_code(data_dir, name):
    """Supernet, subnets and products as counted in the code of Li et al. 2024."""
    path = data_dir / "bqnas_reference_counts.json"
    published = json.loads(path.read_text())[name]
    table = table_of(name)
    assert table.by_op["params"].shape == (published["layers"], published["ops"])
    assert table.all_ops() == published["supernet_params"]
    subnets = published["subnets"]
    assert len(subnets) == 20
    costs = table.cost([subnet["arch"] for subnet in subnets])
    for kind in ("params", "macs"):
        wanted = [subnet[kind] for subnet in subnets]
        np.testing.assert_array_equal(costs[kind], wanted)


def test_all_networks_of_nas_bench_macro(data_dir):
    with np.load(data_dir / "nas_bench_macro" / "nas_bench_macro.npz") as file:
        archs, names = file["ops"], file["op_names"]
        params, flops = file["params"], file["flops"]
    space = build_space(SpaceOptions(name="nas_bench_macro"), (32, 32, 3), 10)
    assert space.choices == (tuple(names.tolist()),) * 8
    assert len(np.unique(archs, axis=0)) == 6561
    costs = build_supernet(space).cost_table().cost(archs)
    np.testing.assert_array_equal(costs["params"], params)
    np.testing.assert_array_equal(costs["macs"], flops)


class ShuffleArithmetic:
    """Products and parameters of the network of Guo et al. 2020, written out."""

    def __init__(self, size, channels):
        self.size, self.channels = size, channels
        self.params = self.macs = 0

    def conv(self, kernel, inputs, outputs, groups=1):
        """Convolution and normalisation at the present size."""
        weights = kernel**2 * inputs * outputs // groups
        self.params += weights + 2 * outputs
        self.macs += weights * self.size**2

    def depthwise(self, kernel, channels):
        self.conv(kernel, channels, channels, groups=channels)

    def block(self, choice, outputs, stride):
        inputs, before = self.channels, self.size
        same = stride == 1 and inputs == outputs
        entry = inputs // 2 if same else inputs
        width, kernel = outputs // 2, (3, 5, 7, 3)[choice]
        after = before // stride
        if choice < 3:
            self.conv(1, entry, width)
            self.size = after
            self.depthwise(kernel, width)
        else:
            self.size = after
            for inner in (entry, width):
                self.depthwise(3, inner)
                self.conv(1, inner, width)
            self.depthwise(3, width)
        self.conv(1, width, outputs - entry)
        if not same:
            self.depthwise(kernel, inputs)
            self.conv(1, inputs, inputs)
        self.channels = outputs


def shuffle_cost(arch, size, num_classes):
    """(params, macs) at `size` pixels; small images keep two more resolutions."""
    small = size <= 64
    network = ShuffleArithmetic(size if small else size // 2, 16)
    network.conv(3, 3, 16)
    choices = iter(arch)
    for stage, (outputs, depth) in enumerate([(64, 4), (160, 4), (320, 8), (640, 4)]):
        for position in range(depth):
            strided = position == 0 and not (small and stage == 0)
            network.block(next(choices), outputs, 2 if strided else 1)
    network.conv(1, 640, 1024)
    return (
        network.params + 1024 * num_classes + num_classes,
        network.macs + 1024 * num_classes,
    )


@pytest.mark.parametrize(("size", "num_classes"), [(32, 10), (224, 1000)])
def test_shuffle_space_by_hand(size, num_classes):
    table = table_of("spos", (size, size, 3), num_classes)
    rng = np.random.default_rng(0)
    uniform = [[choice] * 20 for choice in range(4)]
    archs = np.concatenate([uniform, rng.integers(0, 4, (30, 20))])
    costs = table.cost(archs)
    wanted = np.array([shuffle_cost(arch, size, num_classes) for arch in archs])
    np.testing.assert_array_equal(costs["params"], wanted[:, 0])
    np.testing.assert_array_equal(costs["macs"], wanted[:, 1])


def test_published_sizes_of_the_shuffle_space():
    """Guo et al. 2020, ImageNet: the released winner, and the range of its sampler.

    The table of the released code gives 323M products and 3.5M parameters for this
    architecture; its training draws subnets of 290M to 360M.
    """
    table = table_of("spos", (224, 224, 3), 1000)
    winner = [2, 1, 0, 1, 2, 0, 2, 0, 2, 0, 2, 3, 0, 0, 0, 0, 3, 2, 3, 3]
    cost = table.cost(winner)
    assert round(int(cost["macs"]) / 1e6) == 323
    # Without the bias of our classifier, which the released network does not have.
    assert int(cost["params"]) - 1000 == pytest.approx(3.5e6, rel=0.02)
    archs = np.random.default_rng(0).integers(0, 4, (2000, 20))
    macs = table.cost(archs)["macs"] / 1e6
    assert np.mean((macs > 290) & (macs < 360)) > 0.98
    assert 315 < macs.mean() < 335


def test_the_largest_subnet_has_the_most_parameters():
    table = table_of("digits", (8, 8, 1))
    archs = np.stack(
        np.meshgrid(*[np.arange(k) for k in table.num_ops], indexing="ij"), axis=-1
    ).reshape(-1, 5)
    assert len(archs) == 5400
    params = table.cost(archs)["params"]
    assert table.cost(table.largest())["params"] == params.max()
