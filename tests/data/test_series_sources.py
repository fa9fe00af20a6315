"""Series from files of all forms, and files that are refused in one line."""

import numpy as np
import pytest

from qnas_jax.data import SERIES, DataOptions, load
from qnas_jax.errors import UserError
from qnas_jax.options import OptionError

NAN = np.nan


def read(path, source="series", **options):
    data = load(DataOptions(source=source, path=str(path), **options))
    assert data.kind == SERIES
    return data


def examples(data):
    """All series of a data set by class name, shorter ones as they were; sorted."""
    found = []
    for split in (data.train, data.valid, data.test):
        for series, target in zip(split.inputs, split.targets, strict=True):
            there = ~np.isnan(series).all(axis=1)
            length = np.flatnonzero(there)[-1] + 1
            found.append((data.class_names[target], series[:length].tolist()))
    return sorted(found, key=str)


# Two classes, values that tell the examples apart, one shorter, one with a gap.
ROWS = [("sit", [place, place + 0.5, -1e-3]) for place in range(5)]
ROWS += [("go", [10.0 + place, 1e3, 2]) for place in range(5)]
ROWS[2] = ("sit", [7, 8])
ROWS[7] = ("go", [1, NAN, 3])
SHOWN = sorted(
    ((label, np.float32(values)[:, None].tolist()) for label, values in ROWS), key=str
)


def as_text(delimiter, rows=ROWS):
    lines = [
        delimiter.join([label, *("" if np.isnan(v) else repr(v) for v in values)])
        for label, values in rows
    ]
    return "\n".join(lines) + "\n"


def as_ts(rows=ROWS, header="@classLabel true go sit"):
    lines = [
        ",".join("?" if np.isnan(v) else repr(v) for v in values) + f":{label}"
        for label, values in rows
    ]
    start = ["# made by hand", "@problemName Mine", "@timeStamps false", header]
    return "\n".join([*start, "@data", *lines])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.csv", as_text(",")),
        ("mine.csv", "class,t0,t1,t2\n" + as_text(",")),
        ("mine.csv", "\ufeff" + as_text(";").replace("sit;7;8", "sit; 7 ;8;;NaN;na;?")),
        ("mine.tsv", as_text("\t")),
        ("mine.txt", "  " + as_text("  ").replace("1    3", "1  NaN  3")),
        ("mine.ts", as_ts()),
    ],
)
def test_every_text_has_the_same_series(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    data = read(path)
    assert (data.name, data.class_names) == ("mine", ("go", "sit"))
    assert data.input_shape == (3, 1) and len(data.valid) == 2
    assert str(examples(data)) == str(SHOWN)


def test_npz_has_the_same_series_too(tmp_path):
    path = tmp_path / "mine.npz"
    series = np.full((10, 3), NAN)
    for place, (_, values) in enumerate(ROWS):
        series[place, : len(values)] = values
    labels = [label for label, _ in ROWS]
    np.savez(path, x_train=series, y_train=labels)
    assert str(examples(read(path))) == str(SHOWN)
    numbers = np.array([label == "sit" for label in labels]).astype(int)
    np.savez(path, x_train=series, y_train=numbers, class_names=["go", "sit"])
    assert str(examples(read(path))) == str(SHOWN)
    # Integers and several channels; a split of its own is shorter.
    x = np.arange(60).reshape(5, 6, 2)
    y = np.array([3, -1, 3, -1, 10])
    np.savez(path, x_train=x, y_train=y, x_val=x[:2, :4], y_val=y[:2], ids=y)
    data = read(path)
    assert data.class_names == ("-1", "3", "10") and data.input_shape == (6, 2)
    assert np.isnan(data.valid.inputs[:, 4:]).all()
    np.testing.assert_array_equal(data.valid.inputs[:, :4], x[:2, :4])


def test_splits_in_files_of_their_own(tmp_path):
    folder = tmp_path / "Mine"
    folder.mkdir()
    for split, rows in (("TRAIN", ROWS), ("TEST", ROWS[3:7])):
        (folder / f"Mine_{split}.tsv").write_text(as_text("\t", rows))
    (folder / "README.md").write_text("not a series")
    for path in (folder, folder / "Mine_TRAIN.tsv"):
        data = read(path)
        assert data.name == "Mine"
        assert (len(data.train), len(data.valid), len(data.test)) == (8, 2, 4)
        assert sorted(data.test.inputs[:, 0, 0]) == [3, 4, 10, 11]
    alone = read(folder / "Mine_TEST.tsv", valid_fraction=0.4)
    assert len(alone.train) + len(alone.valid) + len(alone.test) == 4
    (folder / "mine_train.tsv").write_text(as_text("\t"))
    with pytest.raises(UserError, match="expected one file of the train split: set"):
        read(folder)


def test_several_channels_of_unequal_lengths(tmp_path):
    path = tmp_path / "mine.ts"
    lines = [f"{n},2,3:4,{n}.5:{n % 2}" for n in range(10)]
    path.write_text(
        "@timestamps false\n@classLabel true 0 1\n@data\n" + "\n".join(lines)
    )
    data = read(path)
    assert data.input_shape == (3, 2)
    for series in data.train.inputs:
        n = series[0, 0]
        np.testing.assert_array_equal(series, [[n, 4], [2, n + 0.5], [3, NAN]])


def test_classes_that_one_file_declares_and_another_does_not(tmp_path):
    (tmp_path / "a_train.ts").write_text(as_ts(header="@classLabel true sit go"))
    test = tmp_path / "a_test.ts"
    test.write_text(as_ts(ROWS[:3], header=""))
    assert read(tmp_path).class_names == ("sit", "go")
    test.write_text(as_ts([("lie", [1, 2])], header=""))
    with pytest.raises(UserError, match=r"class 2 \(lie\) has no example in the train"):
        read(tmp_path)
    (tmp_path / "b.csv").write_text('"a\nb",1\n"a\nb",2\n' + as_text(","))
    assert read(tmp_path / "b.csv").class_names[0] == "a\\nb"


def test_archive_sets_by_name(tmp_path, monkeypatch):
    monkeypatch.delenv("QNAS_DATA_DIR", raising=False)
    with pytest.raises(UserError, match="data.data_dir is not set: set it or QNAS_"):
        load(DataOptions(source="ucr", name="Mine"))

    def own(name="Mine"):
        return load(DataOptions(source="ucr", name=name, data_dir=str(tmp_path)))

    folder = tmp_path / "ucr" / "Mine"
    folder.mkdir(parents=True)
    (folder / "Mine_TRAIN.ts").write_text(as_ts())
    (folder / "Mine_TEST.ts").write_text(as_ts(ROWS[:3]))
    assert len(own().test) == 3
    x, y = np.zeros((4, 5), np.float32), np.uint8([0, 1, 0, 1])
    arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    np.savez(tmp_path / "ucr" / "Two.npz", **arrays, classes=np.int16([-1, 7]))
    data = own("Two")
    assert data.class_names == ("-1", "7") and sorted(data.test.targets) == [0, 0, 1, 1]
    for name, message in (
        ("Gone", "Gone.npz is missing, and so is a folder of that name with Gone_TR"),
        ("../Mine", "data.name: got '../Mine', expected a set of the archive"),
    ):
        with pytest.raises(UserError, match=message):
            own(name)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv, line 1: got no series, expected one a line"),
        ("a.csv", "a,1,2\nb,1,x\n", "a.csv, line 2: value 2: got 'x', expected a fin"),
        ("a.csv", "a,1,2\nb,1,inf\n", "line 2: value 2: got 'inf', expected a finite"),
        ("a.csv", "a,1,1e39\n", "line 1: value 2: got '1e39', expected a finite"),
        ("a.csv", "a,1,1_0\n", "line 1: value 2: got '1_0', expected a finite"),
        ("a.csv", "a,1\n,1,2\n", "line 2: got '' as the class, expected a word or a"),
        ("a.csv", "0.5,1,2\n", "line 1: got '0.5' as the class, expected a word or a"),
        ("a.csv", "a,1\nb,,NaN\n", "line 2: got a series without a value, expected n"),
        ("a.csv", 'a,1\nb,"1\n', "a.csv, line 2: not separated values"),
        ("a.csv", "a,1\na,2\n", "got one class .a., expected at least 2"),
        ("a.ts", "", "a.ts, line 1: got no @data, expected a header that ends with"),
        ("a.ts", "1,2:a\n", "line 1: got '1,2:a', expected a header line with @"),
        ("a.ts", "@timestamps true\n@data\n", "line 1: got series with timestamps"),
        ("a.ts", "@classLabel false\n@data\n", "line 1: got series without classes"),
        ("a.ts", "@targetLabel true\n@data\n", "line 1: got series with numbers to"),
        ("a.ts", "@data\n1,2\n", "line 2: got no colon, expected values, a colon"),
        ("a.ts", "@data\n\n1,2:3,x:a\n", "line 3: channel 2, value 2: got 'x', exp"),
        ("a.ts", "@data\n1:2:a\n1:b\n", "line 3: got 1 channels, expected 2 as in"),
        ("a.ts", "@data\n?:a\n", "line 2: got a series without a value"),
        (
            "a.ts",
            "@classLabel true a b\n@data\n1:a\n2:c\n",
            "line 4: got the class 'c', expected one of a, b as @classLabel says",
        ),
        (
            "a.txt.gz",
            "a",
            "got a .gz file, expected one of .npz, .csv, .tsv, .txt, .ts",
        ),
        ("a.npz", "a", "a.npz: not an npz file of numbers: pad series to one length"),
    ],
)
def test_malformed_files_are_one_line(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


X, Y = np.zeros((4, 6)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": X}, r"got arrays \['x'\], expected x_train and y_train"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "got x_test alone, expected x_t"),
        ({"x_train": X[0], "y_train": Y}, r"x_train: got float64 \[6\], expected num"),
        ({"x_train": X > 0, "y_train": Y}, r"x_train: got bool \[4, 6\], expected num"),
        ({"x_train": X, "y_train": Y[:3]}, "got 4 series and 3 labels, expected as m"),
        ({"x_train": X, "y_train": Y / 2}, "y_train: got '0.5' as the class, expected"),
        ({"x_train": X, "y_train": Y[:, None]}, r"y_train: got int64 \[4, 1\], expe"),
        ({"x_train": X + np.inf, "y_train": Y}, "series 0 .from 0.: got an infinite"),
        ({"x_train": X + 1e39, "y_train": Y}, "series 0 .from 0.: got an infinite"),
        ({"x_train": X + NAN, "y_train": Y}, "series 0 .from 0.: got no value that"),
        ({"x_train": X[:0], "y_train": Y[:0]}, "split is empty"),
        ({"x_train": X[:, :0], "y_train": Y}, "split is empty"),
        ({"x_train": X, "y_train": Y, "class_names": ["a"]}, "got label 1 at position"),
        ({"x_train": X, "y_train": Y, "class_names": Y}, "class_names: got int64"),
        (
            {"x_train": X, "y_train": Y.astype(str), "class_names": ["a", "b"]},
            "y_train: got the class '0', expected one of class_names",
        ),
        ({"x_train": X, "y_train": Y.astype(object)}, "not an npz file of numbers: p"),
        (
            {
                "x_train": X,
                "y_train": Y,
                "x_test": np.zeros((4, 6, 2)),
                "y_test": Y,
            },
            "got series of 1 and of 2 channels, expected the same number",
        ),
    ],
)
def test_wrong_arrays_are_one_line(tmp_path, content, message):
    path = tmp_path / "mine.npz"
    np.savez(path, **content)
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_one_long_row_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "mine.csv"
    short = "a,1\nb,2\n" * 5000
    path.write_text(short + "a" + ",1" * 100_000)
    with pytest.raises(UserError, match="unpack to 4,000,400,000, expected at most"):
        read(path)


def test_options_of_images_are_refused():
    with pytest.raises(OptionError, match="side: got 8, allowed: 0 when source is ucr"):
        DataOptions(source="ucr", name="ECG200", side=8)
    with pytest.raises(OptionError, match="name: got '', allowed: a set of the UCR"):
        DataOptions(source="ucr")
    with pytest.raises(OptionError, match="path: got '', allowed: a .npz, .csv, .tsv"):
        DataOptions(source="series")
