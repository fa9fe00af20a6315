"""Architectures as strings and JSON: round trips, and what is wrong is named."""

import itertools
import json

import numpy as np
import pytest

from qnas_jax.spaces import (
    SPACES,
    SearchSpace,
    SpaceOptions,
    arch_to_string,
    build_space,
    check_archs,
    parse_arch,
    read_archs,
)
from qnas_jax.spaces.registry import FOR_LANGUAGE, FOR_SERIES, FOR_TEXT

# K = 3, 1, 5, 4, 2: powers of two and others, and a layer without a choice.
RAGGED = SearchSpace(
    "ragged",
    (("a", "b", "c"), ("x",), ("u", "v", "w", "y", "z"), tuple("mnop"), ("l", "r")),
)
ALL = np.array(list(itertools.product(*map(range, RAGGED.num_ops))), np.int32)
BUILT_IN = [
    build_space(SpaceOptions(name=n), (32, 1) if n in FOR_SERIES else (32, 32, 3), 10)
    for n in SPACES.keys() - FOR_TEXT - FOR_LANGUAGE
]
BUILT_IN += [build_space(SpaceOptions(name=n), (9, 2), 10, 50) for n in FOR_TEXT]
BUILT_IN += [
    build_space(SpaceOptions(name=n), (9, 2), 50, 50, language=True)
    for n in FOR_LANGUAGE
]
BUILT_IN.sort(key=lambda space: space.name)


def random_archs(space, num=50):
    rng = np.random.default_rng(0)
    return rng.integers(0, space.num_ops, (num, space.num_layers), dtype=np.int32)


@pytest.mark.parametrize("space", [RAGGED, *BUILT_IN], ids=lambda s: s.name)
def test_round_trips_of_every_space(space):
    archs = random_archs(space)
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


@pytest.mark.parametrize("value", [["1" * 5000] * 5, [1.5] * 5000, {"a": "1" * 5000}])
def test_what_is_long_is_told_in_short(value):
    with pytest.raises(ValueError, match="architecture: got") as error:
        parse_arch(RAGGED, value)
    assert len(str(error.value)) < 1500


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
        ("[[0,", "not valid JSON"),
        ("\xff", "not valid JSON"),
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
