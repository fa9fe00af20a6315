"""Built-in spaces by their published plans, and spaces that a user adds."""

import dataclasses

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.options import OptionError
from qnas_jax.spaces import (
    SPACES,
    CostTable,
    SearchSpace,
    SpaceOptions,
    build_space,
    nas_bench_201,
    register_space,
)
from qnas_jax.spaces.registry import BUILT_IN

CIFAR = ((32, 32, 3), 10)
SEEING = {"text_conv", "text_attention"}  # other words


def built(name, input_shape=(32, 32, 3), num_classes=10, words=0):
    return build_space(SpaceOptions(name=name), input_shape, num_classes, words)


@pytest.fixture
def registry():
    """Takes back what a test registers."""
    before = dict(SPACES)
    yield SPACES
    SPACES.clear()
    SPACES.update(before)


@pytest.mark.parametrize(
    ("name", "num_ops"),
    [
        ("proxylessnas", (16,) * 21),
        ("fbnet_s", (9,) * 22),
        ("fbnet_l", (9,) * 22),
        ("spos", (4,) * 20),
        ("nas_bench_macro", (3,) * 8),
        ("digits", (6, 5, 6, 5, 6)),
        ("digits_tiny", (4, 3, 4, 3, 4)),
        ("edge", (6, 5, 6, 5, 6, 6, 5, 6)),
    ],
)
def test_layers_and_ops(name, num_ops):
    space = built(name)
    assert space.name == name and space.num_ops == num_ops
    assert space.input_shape == (32, 32, 3) and space.num_classes == 10
    # Another image depth and other classes only change the two ends.
    other = built(name, (32, 32, 1), 7)
    assert other.layers == space.layers
    assert other.stem[0].in_features == 1 and other.head[-1].out_features == 7


def test_a_space_of_cells_is_a_registered_one_too():
    space = built("nas_bench_201", (16, 16, 1), 7)
    assert space == nas_bench_201((16, 16, 1), 7)
    assert (space.input_shape, space.num_classes) == ((16, 16, 1), 7)


def test_the_small_space_has_the_same_cells():
    small = built("cifar_small")
    assert small.choices == built("nas_bench_201").choices
    assert small.widths == (6, 12, 24) and small.cells == 3


def test_a_space_without_networks_can_be_registered(registry):
    plain = SearchSpace("plain", (("a", "b"), ("c",)))
    register_space("plain", lambda shape, classes: plain)
    assert built("plain") is plain


def test_every_built_in_space_is_tested_here():
    assert {
        *("proxylessnas", "fbnet_s", "fbnet_l", "spos"),
        *("nas_bench_macro", "digits", "digits_tiny", "edge"),
        *("cifar_small", "nas_bench_201"),
        *("series", "series_tiny", "series_mini", "text", "text_tiny", "text_mini"),
        *("language", "language_tiny"),
    } == BUILT_IN


@pytest.mark.parametrize("steps", [3, 15, 24, 96, 570, 3000])
def test_series_of_any_length_end_with_a_few_steps(steps):
    for name, num_ops in (("series", (9,) * 7), ("series_tiny", (8,) * 4)):
        space = built(name, (steps, 2), 3)
        assert space.num_ops == num_ops and space.num_classes == 3
        last = steps / np.prod([block.stride for block in space.blocks])
        assert last == steps if steps < 24 else 12 <= last < 24
        assert space.stem[0].in_features == 2
    assert built("series_tiny", (steps, 2), 3).size == 4096


@pytest.mark.parametrize(
    ("whole", "part", "shape", "words"),
    [
        ("digits", "digits_tiny", (8, 8, 1), 0),
        ("series_tiny", "series_mini", (96, 2), 0),
        ("text_tiny", "text_mini", (20, 2), 50),
    ],
)
def test_the_smallest_spaces_are_parts_of_larger_ones(whole, part, shape, words):
    larger, small = (built(name, shape, 3, words) for name in (whole, part))
    assert 500 <= small.size <= 750 < larger.size
    assert (small.stem, small.head) == (larger.stem, larger.head)
    for own, layer in zip(small.layers, larger.layers, strict=True):
        assert set(own.ops) < set(layer.ops) and own.stride == layer.stride


def test_spaces_are_for_images_or_for_series(registry):
    with pytest.raises(
        OptionError,
        match="name: got 'digits', allowed: one of series, "
        r"series_tiny.* for series \[steps, channels\]",
    ):
        built("digits", (96, 1), 2)
    with pytest.raises(OptionError, match="name: got 'series', .* one of proxylessnas"):
        built("series")
    with pytest.raises(UserError, match=r"got inputs \[96\], expected series \[steps"):
        built("series", (96,), 2)
    register_space("mine", lambda shape, classes: built("series_tiny", shape, classes))
    assert built("mine", (24, 1), 2).input_shape == (24, 1)


def test_spaces_for_text_know_its_words(registry):
    for name, ops, width in (
        ("text", (9,) * 4 + (3,), 48),
        ("text_tiny", (6,) * 4, 32),
    ):
        space = built(name, (20, 2), 3, words=100)
        assert space.num_ops == ops
        assert dict(space.stem[0].ops[0].options) == {"words": 100}
        assert {each.out_features for each in space.blocks[:-1]} == {width}
    for name, words in (("text", 0), ("series", 100)):
        with pytest.raises(OptionError, match=f"name: got '{name}', allowed: one of "):
            built(name, (20, 2), 3, words)
    register_space("mine", lambda shape, classes: built("series_tiny", shape, classes))
    message = r"'mine': got a builder of \(shape, classes\), .*, num_classes, words\)"
    with pytest.raises(UserError, match=message):
        built("mine", (20, 2), 3, words=100)


def test_spaces_for_running_text(registry):
    for name, ops, width in (
        ("language", (9,) * 6, 96),
        ("language_tiny", (6,) * 4, 48),
    ):
        space = build_space(SpaceOptions(name=name), (20, 2), 60, 60, language=True)
        assert space.num_ops == ops and space.num_classes == 60
        assert {each.out_features for each in space.blocks[:-1]} == {width}
        for layer in space.layers:  # every op that sees other words sees earlier ones
            for own in layer.ops:
                options = dict(own.options)
                assert options.get("causal", own.kind not in SEEING), own
                assert not options.get("backwards")
        with pytest.raises(OptionError, match=f"name: got '{name}', allowed: one of "):
            built(name, (20, 2), 3, words=60)
    with pytest.raises(
        OptionError, match="name: got 'text', allowed: one of language,"
    ):
        build_space(SpaceOptions(name="text"), (20, 2), 60, 60, language=True)


def test_sizes_of_the_spaces():
    assert built("proxylessnas").size == 16**21
    assert built("nas_bench_macro").size == 6561
    assert built("digits").size == 6 * 5 * 6 * 5 * 6
    assert built("digits_tiny").size == 576


def test_the_tiny_space_is_a_part_of_digits():
    for tiny, full in zip(
        built("digits_tiny").layers, built("digits").layers, strict=True
    ):
        assert set(tiny.ops) < set(full.ops)
        assert dataclasses.replace(tiny, ops=full.ops) == full


@pytest.mark.parametrize(
    ("name", "small", "large"),
    [
        ("proxylessnas", 2**3, 2**5),
        ("fbnet_s", 2**3, 2**5),
        ("fbnet_l", 2**3, 2**5),
        ("spos", 2**3, 2**5),
        ("nas_bench_macro", 2**3, 2**3),
        ("digits", 2**2, 2**2),
        ("digits_tiny", 2**2, 2**2),
    ],
)
def test_resolution_falls_by_the_published_factor(name, small, large):
    for image, factor in (((32, 32, 3), small), ((224, 224, 3), large)):
        strides = [block.stride for block in built(name, image).blocks]
        assert np.prod(strides) == factor


def test_order_of_the_public_codes_ops():
    """(kernel, expansion, attention) in the BQNAS code, where 1 is SE and 2 is ECA."""
    public = [
        *((3, 1, 0), (3, 3, 0), (3, 6, 0), (5, 3, 0), (5, 6, 0), (3, 3, 2), (5, 6, 1)),
        *((3, 1, 1), (3, 3, 1), (3, 6, 1), (5, 3, 1), (5, 6, 2), (5, 3, 2), (3, 6, 2)),
        (3, 1, 2),
    ]
    *ops, skip = built("proxylessnas").layers[0].ops
    assert skip.kind == "skip"
    numbers = {"none": 0, "se": 1, "eca": 2}
    found = [dict(each.options) for each in ops]
    assert public == [
        (o["kernel"], o["expansion"], numbers[o["attention"]]) for o in found
    ]
    assert len(set(public)) == 15
    assert built("proxylessnas").choices[0][6] == "mb6_k5_se"


def test_skip_stands_only_where_the_shape_is_kept():
    for name in ("digits", "digits_tiny"):
        for layer in built(name).layers:
            same = layer.stride == 1 and layer.in_features == layer.out_features
            assert ("skip" in [each.name for each in layer.ops]) == same


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match="name: got 'resnet', allowed: one of prox"):
        built("resnet")


def test_a_registered_space_is_built_with_the_shape_of_the_data(registry):
    register_space("mine", lambda shape, classes: built("digits", shape, classes))
    space = built("mine", (16, 16, 1), 4)
    assert (space.input_shape, space.num_classes) == ((16, 16, 1), 4)
    register_space("mine", lambda shape, classes: built("spos", shape, classes))
    assert built("mine").num_layers == 20
    with pytest.raises(ValueError, match="space 'digits': a built-in space; choose"):
        register_space("digits", registry["spos"])


def test_without_a_name_the_space_follows_from_the_data():
    options = SpaceOptions()
    assert options.name == "auto"
    kinds = ("images", "series", "text")
    found = [options.for_kind(kind).name for kind in kinds]
    assert found == ["digits", "series_tiny", "text_tiny"]
    given = SpaceOptions(name="spos")
    assert given.for_kind("text") is given
    with pytest.raises(OptionError, match="name: got 'auto', allowed: one of proxyl"):
        build_space(options, *CIFAR)


REGISTERED = """
from qnas_jax.spaces import SearchSpace, register_space

for name in {names}:
    register_space(name, lambda shape, classes: SearchSpace("plain", (("a", "b"),)))
"""


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("mine",), None),
        (("mine", "mine"), None),
        (("mine", "yours"), r"space.py registers mine, yours\)"),
        ((), r"the name of a space \(.*space.py registers none\)"),
    ],
)
def test_a_file_alone_means_the_space_that_it_registers(
    names, said, registry, tmp_path
):
    path = tmp_path / "space.py"
    path.write_text(REGISTERED.format(names=names))
    options = SpaceOptions(file=str(path)).for_kind("images")
    assert options.name == "auto"
    if said is None:
        for _ in range(2):  # the second time it is registered again
            assert build_space(options, *CIFAR).name == "plain"
    else:
        with pytest.raises(OptionError, match=said):
            build_space(options, *CIFAR)


def test_a_space_file_must_exist(tmp_path):
    missing = str(tmp_path / "space.py")
    with pytest.raises(OptionError, match="file: got .*space.py', allowed: an exist"):
        build_space(SpaceOptions(file=missing), *CIFAR)


def test_costs_by_hand():
    table = CostTable(
        by_op={
            "params": np.array([[10, 20, 0], [1, 2, 3]]),
            "macs": np.array([[100, 700, 0], [400, 500, 600]]),
            "latency_ms": np.array([[0.25, 0.5, 0], [2, 1, 0]]),
        },
        fixed={"params": 1000, "macs": 5000, "latency_ms": 1.5},
        num_ops=(2, 3),
    )
    assert table.all_ops() == 1036 and table.all_ops("latency_ms") == 5.25
    costs = table.cost([[0, 0], [1, 2], [0, 1]])
    assert costs["params"].tolist() == [1011, 1023, 1012]
    assert costs["macs"].tolist() == [5500, 6300, 5600]
    assert costs["latency_ms"].tolist() == [3.75, 2.0, 2.75]
    single = table.cost([1, 2])
    assert (int(single["params"]), int(single["macs"])) == (1023, 6300)
    assert table.largest().tolist() == [1, 2] and table.largest().dtype == np.int32
    assert table.largest("latency_ms").tolist() == [1, 0]


def test_a_missing_op_is_never_the_largest():
    params = np.array([[0, 0, 0], [0, 5, 5]])
    table = CostTable({"params": params}, {"params": 0}, (1, 3))
    assert table.largest().tolist() == [0, 1]
