"""Architectures as bits, strings and JSON: round trips, and nothing is folded."""

import itertools
import json
import math

import numpy as np
import pytest

from qnas_jax.spaces import (
    SPACES,
    SearchSpace,
    SpaceOptions,
    arch_to_string,
    archs_to_bits,
    bits_per_layer,
    bits_to_archs,
    build_space,
    check_archs,
    parse_arch,
    read_archs,
)

# K = 3, 1, 5, 4, 2: powers of two and others, and a layer without a choice.
RAGGED = SearchSpace(
    "ragged",
    (("a", "b", "c"), ("x",), ("u", "v", "w", "y", "z"), tuple("mnop"), ("l", "r")),
)
ALL = np.array(list(itertools.product(*map(range, RAGGED.num_ops))), np.int32)
BUILT_IN = [build_space(SpaceOptions(name=n), (32, 32, 3), 10) for n in SPACES]


def random_archs(space, num=50):
    rng = np.random.default_rng(0)
    return rng.integers(0, space.num_ops, (num, space.num_layers), dtype=np.int32)


def test_bits_per_layer_by_hand():
    ks = (1, 2, 3, 4, 5, 8, 9, 16, 17)
    assert bits_per_layer(ks) == (0, 1, 2, 2, 3, 3, 4, 4, 5)
    assert bits_per_layer(range(1, 200)) == tuple(
        math.ceil(math.log2(k)) for k in range(1, 200)
    )


def test_bits_by_hand():
    # 2 -> 10, nothing for the layer without a choice, 4 -> 100, 1 -> 01, 1 -> 1.
    bits = archs_to_bits(RAGGED, [2, 0, 4, 1, 1])
    assert bits.dtype == np.uint8
    np.testing.assert_array_equal(bits, [1, 0, 1, 0, 0, 0, 1, 1])


def test_all_architectures_come_back_from_their_bits():
    bits = archs_to_bits(RAGGED, ALL)
    assert bits.shape == (120, 8)
    assert len(np.unique(bits, axis=0)) == len(ALL) == RAGGED.size
    archs, valid = bits_to_archs(RAGGED, bits)
    assert archs.dtype == np.int32 and valid.all()
    np.testing.assert_array_equal(archs, ALL)


def test_every_code_is_valid_or_reported():
    """Of the 2^8 codes exactly the 120 architectures are valid, each of them once."""
    codes = np.array(list(itertools.product((0, 1), repeat=8)), np.uint8)
    archs, valid = bits_to_archs(RAGGED, codes)
    assert valid.sum() == 120
    np.testing.assert_array_equal(archs[valid], ALL)
    by_string = [
        (int(f"{a}{b}", 2), 0, int(f"{c}{d}{e}", 2), int(f"{f}{g}", 2), int(h))
        for a, b, c, d, e, f, g, h in codes
    ]
    np.testing.assert_array_equal(archs, by_string)
    expected = [
        all(i < k for i, k in zip(a, RAGGED.num_ops, strict=True)) for a in archs
    ]
    np.testing.assert_array_equal(valid, expected)


def test_an_invalid_code_keeps_its_value():
    archs, valid = bits_to_archs(RAGGED, [[1, 1, 0, 0, 0, 0, 0, 0]])
    assert archs.tolist() == [[3, 0, 0, 0, 0]] and valid.tolist() == [False]
    archs, valid = bits_to_archs(RAGGED, [0, 0, 1, 1, 1, 0, 0, 0])
    assert archs.tolist() == [0, 0, 7, 0, 0] and not valid


def test_leading_dimensions_are_free():
    grid = ALL.reshape(4, 5, 6, 5)
    archs, valid = bits_to_archs(RAGGED, archs_to_bits(RAGGED, grid))
    np.testing.assert_array_equal(archs, grid)
    assert valid.shape == (4, 5, 6) and valid.all()


@pytest.mark.parametrize("space", [RAGGED, *BUILT_IN], ids=lambda s: s.name)
def test_round_trips_of_every_space(space):
    archs = random_archs(space)
    back, valid = bits_to_archs(space, archs_to_bits(space, archs))
    np.testing.assert_array_equal(back, archs)
    assert valid.all()
    for arch in archs:
        text = arch_to_string(space, arch)
        assert text.count("|") == space.num_layers - 1
        for value in (text, arch.tolist(), text.split("|")):
            parsed = parse_arch(space, json.loads(json.dumps(value)))
            assert parsed.dtype == np.int32
            np.testing.assert_array_equal(parsed, arch)


def test_strings_by_hand():
    assert arch_to_string(RAGGED, [2, 0, 4, 1, 1]) == "c|x|z|n|r"
    single = SearchSpace("single", (("a", "b"),))
    assert arch_to_string(single, [1]) == "b"
    assert parse_arch(single, "b").tolist() == [1]


def test_check_accepts_integers_of_any_width():
    for dtype in (np.uint8, np.int64, np.uint64):
        checked = check_archs(RAGGED, ALL.astype(dtype))
        assert checked.dtype == np.int32
        np.testing.assert_array_equal(checked, ALL)
    assert check_archs(RAGGED, np.zeros((0, 5), int)).shape == (0, 5)


@pytest.mark.parametrize(
    ("archs", "message"),
    [
        ([0, 0, 0], r"got shape \(3,\), expected one index for each of the 5 layers"),
        (3, r"got shape \(\), expected one index"),
        ([[0, 0, 0, 0]], r"got shape \(1, 4\)"),
        ([0.0, 0, 0, 0, 0], "got float64 values, expected integers"),
        ([True] * 5, "got bool values, expected integers"),
        ([3, 0, 0, 0, 0], "got op 3 at layer 0 of 'ragged', expected 0 to 2"),
        (
            [[0] * 5, [0, 1, 0, 0, 0]],
            "got op 1 at layer 1 of 'ragged', expected 0 to 0",
        ),
        ([0, 0, 0, 0, -1], "got op -1 at layer 4 of 'ragged', expected 0 to 1"),
    ],
)
def test_wrong_indices_are_named(archs, message):
    with pytest.raises(ValueError, match=f"architecture: {message}"):
        check_archs(RAGGED, archs)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("c|x|z|n", "got 4 ops, expected 5, one for each layer of 'ragged'"),
        ("c|x|z|n|q", "got op 'q' at layer 4 of 'ragged', expected one of l, r"),
        ("", "got 1 ops, expected 5"),
        ([], "got 0 ops, expected 5"),
        (["c", "x", "z", "n", 1], "got .* expected integers"),
        ([0, 0, 0, 0, True], "got .* expected integers"),
        ([0, 0, 0, 0, 1.0], "got .* expected integers"),
        ([0, 0, 0, 0, None], "got .* expected integers"),
        ([10**30, 0, 0, 0, 0], "got .* expected"),
        ([2**31, 0, 0, 0, 0], "got op 2147483648 at layer 0"),
        ({"arch": []}, "got {'arch': .* expected a list of indices or a string"),
        (7, "got 7, expected a list of indices or a string"),
        (None, "got None, expected a list"),
    ],
)
def test_wrong_json_values_are_named(value, message):
    with pytest.raises(ValueError, match=f"architecture: {message}"):
        parse_arch(RAGGED, value)


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        (
            np.zeros((2, 7), int),
            r"got shape \(2, 7\), expected \[..., 8\] for 'ragged'",
        ),
        (np.full(8, 2), "got values other than 0 and 1"),
        (np.full(8, -1), "got values other than 0 and 1"),
    ],
)
def test_wrong_bits_are_named(bits, message):
    with pytest.raises(ValueError, match=f"bits: {message}"):
        bits_to_archs(RAGGED, bits)


def test_archs_of_a_file(tmp_path):
    path = tmp_path / "archs.json"
    path.write_text(json.dumps([[2, 0, 4, 1, 1], "a|x|u|m|l", list("axumr")]))
    archs = read_archs(RAGGED, str(path))
    assert archs.dtype == np.int32
    assert archs.tolist() == [[2, 0, 4, 1, 1], [0] * 5, [0, 0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[0,0,0,0,0], [0,0,9,0,0]]", "entry 1: architecture: got op 9 at layer 2"),
        ('["a|x|u|m|l", 3]', "entry 1: architecture: got 3, expected a list"),
        ("{}", "expected a JSON list with at least 1 architecture"),
        ("[]", "expected a JSON list with at least 1 architecture"),
        ("[[0,", "not a JSON file"),
        ("\xff", "not a JSON file"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path, text, message):
    path = tmp_path / "archs.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=f"archs.json.*{message}"):
        read_archs(RAGGED, str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.json: no such file of arch"):
        read_archs(RAGGED, str(tmp_path / "none.json"))
