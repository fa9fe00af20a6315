"""Recordings in class folders, a file each, and what is wrong with them in a line."""

import numpy as np
import pytest

from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.recordings import read_recording, recordings_below
from qnas_jax.data.series_files import load_series
from qnas_jax.errors import UserError

NAN = np.nan


def write(root, files):
    """Files by their paths below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def load(root):
    return load_series(PlaceOptions(path=str(root)))


def test_classes_are_folders_and_shorter_recordings_end_in_gaps(tmp_path):
    files = {
        "rest/a.csv": "1\n2\n3\n",
        "rest/b.csv": "4\n",
        "walk/c.csv": "5\n6\n",
        "walk/night/d.csv": "7\n8\n9\n",
        "walk/notes.pdf": "",
    }
    found = load(write(tmp_path / "mine", files))
    assert (found.name, found.class_names) == ("mine", ("rest", "walk"))
    assert found.valid is None and found.test is None
    np.testing.assert_array_equal(
        found.train.inputs[..., 0],
        [[1, 2, 3], [4, NAN, NAN], [5, 6, NAN], [7, 8, 9]],
    )
    assert found.train.targets.tolist() == [0, 0, 1, 1]
    (left_out,) = found.notes
    assert (
        left_out.startswith("left out files that are not .csv") and "notes" in left_out
    )


def test_folders_of_splits_and_a_column_a_channel(tmp_path):
    files = {
        "train/rest/a.csv": "time,x,y\n0,1,2\n1,3,4\n",
        "train/walk/b.tsv": "time\tx\ty\n0\t5\t6\n1\tNaN\t\n2\t7\t8\n",
        "test/walk/c.csv": ",x,y\n0,9,1\n",
        "val/rest/d.txt": "2 3\n4  5\n",
    }
    found = load(write(tmp_path, files))
    np.testing.assert_array_equal(
        found.train.inputs,
        [
            [[1, 2], [3, 4], [NAN, NAN]],
            [[5, 6], [NAN, NAN], [7, 8]],
        ],
    )
    np.testing.assert_array_equal(found.test.inputs[0, 0], [9, 1])
    np.testing.assert_array_equal(found.valid.inputs[0, :2], [[2, 3], [4, 5]])
    assert found.test.targets.tolist() == [1] and found.valid.targets.tolist() == [0]
    assert found.notes == (
        "the first line is taken as a header",
        "a column of times is left out: steps are in the order of lines",
    )


def test_a_single_line_is_one_channel(tmp_path):
    write(tmp_path, {"a.csv": "1,2,,4,\n", "b.csv": "x,y\n1,2\n", "c.csv": "3"})
    series, _, (note,) = read_recording(tmp_path / "a.csv")
    np.testing.assert_array_equal(series, [[1], [2], [NAN], [4]])
    assert note == "a single line is taken as the steps of one channel"
    assert read_recording(tmp_path / "b.csv").series.tolist() == [[1, 2]]
    assert read_recording(tmp_path / "c.csv").series.tolist() == [[3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: got no step, expected one a line"),
        ("x,y\n", "line 1: got no step"),
        ("1,2\n3\n", "line 2: got 1 cells, expected 2 as before"),
        ("1\nlow\n", "line 2: value 1: got 'low', expected a finite number"),
        ("1\ninf\n", "line 2: value 1: got 'inf', expected a finite number"),
        ("1\n\n2\n", "line 2: got nothing within a recording, expected a step, or NaN"),
        ("1,2\n,\n3,4\n", "line 2: got nothing within a recording"),
        ("nan\nnan\n", "line 1: got no value, expected numbers"),
        ("time,t\n1,2\n", "line 1: got columns time, t, expected channels"),
        ("x,X\n1,2\n", "line 1: got columns x, X, expected channels, each of a name"),
    ],
    ids=lambda value: None if "\n" in value or not value else value[:22],
)
def test_what_is_no_recording_is_one_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError) as error:
        read_recording(tmp_path / "a.csv")
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}, {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"rest/a.csv": "1\n2", "walk/b.csv": "1,2\n3,4"},
            "b.csv: got 2 channels, expected 1 as in",
        ),
        (
            {"rest/a.csv": "x,y\n1,2", "walk/b.csv": "y,x\n1,2"},
            "b.csv: got channels y, x, expected x, y as in",
        ),
        (
            {"rest/a.csv": "1\n2", "walk/b.npy": ""},
            "walk: no recording (.csv, .tsv, .txt) in it",
        ),
        ({"rest/a.csv": "1\n2"}, "holds one class folder (rest), expected at least 2"),
        (
            {
                **{"train/a/a.csv": "1\n2", "train/b/b.csv": "1\n2"},
                "test/c/c.csv": "1\n2",
            },
            "c: no class of this name in train, expected one of a, b",
        ),
    ],
    ids=["channels", "names", "empty", "one", "unknown"],
)
def test_a_folder_that_does_not_fit_is_one_line(tmp_path, files, message):
    with pytest.raises(UserError) as error:
        load(write(tmp_path, files))
    assert message in str(error.value) and str(error.value).startswith(str(tmp_path))
    assert "\n" not in str(error.value)


def test_files_of_splits_come_before_folders(tmp_path):
    files = {"train.csv": "good,1,2\nbad,3,4\n", "old/a.csv": "1\n2"}
    assert load(write(tmp_path, files)).class_names == ("bad", "good")


def test_recordings_without_classes(tmp_path):
    files = {"b/2.csv": "1\n2", "a.csv": "3", ".hidden/c.csv": "4", "b/1.txt": "5 6"}
    found = recordings_below(write(tmp_path, files))
    assert [name for name, _ in found] == ["a.csv", "b/1.txt", "b/2.csv"]
    assert [each.series.ravel().tolist() for _, each in found] == [[3], [5, 6], [1, 2]]
    with pytest.raises(UserError, match=r"no recording \(.csv, .tsv, .txt\) in it"):
        recordings_below(write(tmp_path / "empty", {"a.pdf": ""}))
