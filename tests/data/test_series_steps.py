"""Files of series whose rows are steps, with a column for each channel."""

import numpy as np
import pytest

from qnas_jax.data import DataOptions, load
from qnas_jax.data.series_text import read_series_text
from qnas_jax.errors import UserError

STEPS = """series_id,time,ax,ay,label
a,0,1,10,sit
b,2,7,,go
a,1,2,20,sit
b,1,,-6e1,go
b,0,5,50,go
a,2,,,sit
"""


def write(folder, text, name="mine.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_steps_are_put_together_by_series_and_time(tmp_path):
    found = read_series_text(write(tmp_path, STEPS))
    first, second = found.series
    np.testing.assert_array_equal(first, [[1, 10], [2, 20]])  # the last has no value
    np.testing.assert_array_equal(second, [[5, 50], [np.nan, -60], [7, np.nan]])
    assert first.dtype == second.dtype == np.float32
    assert found.labels == ["sit", "go"] and found.channels == ("ax", "ay")
    assert found.notes == ("a row is a step of a series, with channels ax, ay",)


def test_columns_stand_in_any_order_and_time_may_be_missing(tmp_path):
    text = "Class;Gyro;ID\n1;0,5;x\n"
    with pytest.raises(UserError, match=r"mine.csv, line 2: value 1: got '0,5', exp"):
        read_series_text(write(tmp_path, text))
    rows = [f"{n % 2}\t{n / 2}\tnumber {n % 3}" for n in range(6)]
    path = write(tmp_path, "\n".join(["class\tx\tid", *rows]), "mine.tsv")
    with pytest.raises(UserError, match="line 5: got the class '1' of series 'number "):
        read_series_text(path)
    rows = [f"{n % 3}.0\t{n / 2}\tnumber {n % 3}" for n in range(6)]
    path = write(tmp_path, "\n".join(["class\tx\tid", *rows]), "mine.tsv")
    found = read_series_text(path)
    assert found.labels == ["0", "1", "2"]
    assert [each[:, 0].tolist() for each in found.series] == [
        [0, 1.5],
        [0.5, 2],
        [1, 2.5],
    ]
    asked = read_series_text(path, labelled=False)
    np.testing.assert_array_equal(asked.series, found.series)


def test_series_of_several_channels_are_asked_without_a_class(tmp_path):
    text = "\n".join(line.rpartition(",")[0] for line in STEPS.splitlines())
    found = read_series_text(write(tmp_path, text), labelled=False)
    assert [each.shape for each in found.series] == [(2, 2), (3, 2)]
    assert found.labels == ["", ""]


def test_a_data_set_of_steps(tmp_path):
    lines = [
        f"s{series},{step},{series % 2},{series + step / 8},{'ab'[series % 2]}"
        for series in range(20)
        for step in reversed(range(3 + series % 4))
    ]
    text = "\n".join(["id,t,x,y,class", *lines])
    path = write(tmp_path, text, "mine_train.csv")
    data = load(DataOptions(source="series", path=str(path)))
    assert (data.input_shape, data.class_names) == ((6, 2), ("a", "b"))
    for split in (data.train, data.valid, data.test):
        for series, label in zip(split.inputs, split.targets, strict=True):
            there = ~np.isnan(series)
            assert (there[:, 0] == there[:, 1]).all()
            assert (series[there[:, 0], 0] == label).all()
            steps = series[there[:, 0], 1]
            np.testing.assert_array_equal(np.diff(steps), 1 / 8)
            assert len(steps) == 3 + steps[0] % 4
    write(tmp_path, text.replace("id,t,x,y", "id,t,y,x"), "mine_test.csv")
    with pytest.raises(UserError, match="channels y, x in the test split, expected x,"):
        load(DataOptions(source="series", path=str(path)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,x\na,1\n", "line 1: got columns id, x, expected one that is called class"),
        ("id,series_id,x,label\n", "line 1: got columns id and series_id, expected on"),
        ("id,t,label\na,1,b\n", "got columns id, t, label, expected channels beside"),
        ("id,x,X,label\na,1,2,b\n", "each of a name of its own"),
        ("id,x,label\n", "line 1: got a header alone, expected a step a line"),
        ("id,x,label\na,1\n", "line 2: got 2 cells, expected 3 as in the header"),
        ("id,x,label\n,1,b\n", "line 2: got no name of a series"),
        ("id,x,label\na,inf,b\n", "line 2: value 1: got 'inf', expected a finite"),
        ("id,x,label\na,1,\n", "line 2: got '' as the class"),
        ("id,t,x,label\na,,1,b\n", "line 2: got no time, expected a number"),
        ("id,t,x,label\na,noon,1,b\n", "line 2: value 1: got 'noon', expected a fin"),
        ("id,t,x,label\na,3,1,b\na,3,2,b\n", "series 'a': got two steps of time 3"),
        ("id,x,label\na,,b\na,?,b\n", "series 'a': got no value, expected numbers"),
        ('id,x,label\na,"1,b\n', "line 2: not separated values"),
    ],
)
def test_what_is_wrong_is_one_line(text, said, tmp_path):
    with pytest.raises(UserError, match=said) as caught:
        read_series_text(write(tmp_path, text))
    assert "mine.csv" in str(caught.value) and "\n" not in str(caught.value)
