"""A user's own table as the truth of rankings: by hand, and every mistake in a line."""

import dataclasses

import numpy as np
import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation import read_own_truth
from qnas_jax.spaces import SearchSpace

SPACE = SearchSpace("breads", (("rye", "oat"), ("thin", "thick", "round")))
CSV = """op_1,op_2,valid_0,test_0,test_1
oat,round,0.4,0.50,0.60
rye,thin,0.3,,0.25
rye,thick,0.2,,
oat,thin,0.1,0.125,0.375
"""
ARCHS = [[1, 2], [0, 0], [1, 0]]


def read(tmp_path, text=CSV, space=SPACE, **rest):
    file = tmp_path / "own.csv"
    file.write_text(text)
    return read_own_truth(str(file), space, **rest)


def test_means_of_runs_where_there_are_some(tmp_path):
    archs, truth = read(tmp_path)
    assert archs.dtype == np.int32 and archs.tolist() == ARCHS
    np.testing.assert_allclose(truth, [0.55, 0.25, 0.25])
    _, seen = read(tmp_path, columns=("valid_0",))
    np.testing.assert_allclose(seen, [0.4, 0.3, 0.2, 0.1])


def test_percent_are_shares_of_a_hundred(tmp_path):
    text = CSV.replace("0.50,0.60", "50,60").replace("0.125,0.375", "12.5,37.5")
    _, truth = read(tmp_path, text.replace("0.25", "25"))
    np.testing.assert_allclose(truth, [0.55, 0.25, 0.25])


def test_ops_may_be_numbers(tmp_path):
    numbers = {"rye": 0, "oat": 1, "thin": 0, "thick": 1, "round": 2}
    text = CSV
    for name, number in numbers.items():
        text = text.replace(name, str(number))
    assert read(tmp_path, text)[0].tolist() == ARCHS
    # Unless the space itself has numbers for names.
    choices = (("1", "0"), ("0", "1", "2"))
    own = dataclasses.replace(SPACE, choices=choices)
    assert read(tmp_path, text, own)[0].tolist() == [[0, 2], [1, 0], [0, 0]]


def test_an_npz_file_has_all_layers_in_one_array(tmp_path):
    file = tmp_path / "own.npz"
    np.savez(file, archs=np.array([[1, 2], [0, 0], [1, 0]]), acc=[0.5, 0.25, 0.75])
    archs, truth = read_own_truth(
        str(file), SPACE, arch_columns=("archs",), columns=("acc",)
    )
    assert archs.tolist() == ARCHS and truth.tolist() == [0.5, 0.25, 0.75]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("op_2", "kind", "got 1 columns of ops, expected 2, one for each .* 'breads'"),
        ("oat,thin", "wheat,thin", "line 5, column op_1: got op 'wheat', expected one"),
        ("oat,thin", "oat,round", "line 5: got the arch of line 2 again"),
        ("0.125,0.375", ",", "got accuracies of 2 architectures, expected at least 3"),
        ("0.50,0.60", "-1.4,-1.2", "got an accuracy of -1.3, expected values from 0"),
        ("0.50,0.60", "250,260", "got an accuracy of 255, expected values from 0 to"),
        ("test_", "val_", r"got no column 'test_\*', .*; set rank.truth_columns"),
        ("op_", "layer_", r"got no column 'op_\*', .*; set rank.truth_archs"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, old, new, message):
    assert old in CSV
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, CSV.replace(old, new))
    assert "\n" not in str(caught.value) and "own.csv" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.csv"):
        read_own_truth(str(tmp_path / "none.csv"), SPACE)
