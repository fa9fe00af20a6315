"""A user's own table: read from CSV and npz, every mistake in one line."""

import dataclasses
import os

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables import TableOptions, load_table, load_test
from qnas_jax.options import OptionError

CSV = """op_1,op_2,val_a,val_b,val_short,test_a,test_b,seconds,params
conv,8,0.5,0.7,0.4,0.60,0.62,10,3
skip,16,0.9,,0.8,0.85,,20,5
skip,8,,,0.1,0.2,0.3,5,4

conv,32,0.3,0.1,,0.35,0.25,40,9
"""
COLUMNS = {
    "arch_columns": "op_1, op_2",
    "validation_columns": "val_a, val_b",
    "test_columns": "test_*",
    "seconds_columns": "seconds",
    "cost_columns": "params",
}


def options(file, **changes):
    return TableOptions(source="file", file=str(file), **{**COLUMNS, **changes})


@pytest.fixture
def csv_file(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text(CSV)
    return file


def check_values(table, test):
    """Positions count op_2 fastest: conv with 8, 16, 32, then skip."""
    assert table.space.choices == (("conv", "skip"), ("8", "16", "32"))
    nan = np.nan
    np.testing.assert_allclose(table.scores(), [0.6, nan, 0.2, nan, 0.9, nan])
    np.testing.assert_allclose(
        table.scores(seed=1), [0.7, nan, 0.1, nan, 0.9, nan], rtol=1e-6
    )
    np.testing.assert_allclose(table.seconds(), [10, nan, 40, 5, 20, nan])
    np.testing.assert_allclose(table.costs["params"], [3, nan, 9, 4, 5, nan])
    assert test.optimum == pytest.approx(0.85)
    assert test.optimal_arch.tolist() == [1, 1]
    np.testing.assert_allclose(
        test.open(table.archs(np.arange(6))), [0.61, nan, 0.3, 0.25, 0.85, nan]
    )


def test_a_csv_file(csv_file):
    own = options(csv_file)
    table = load_table(own)
    assert table.name == "own" and table.fidelities == ("full",)
    check_values(table, load_test(own))
    found = jax.jit(table.evaluator())(jax.random.key(0), np.array([[1, 1], [0, 1]]))
    np.testing.assert_allclose(found.metrics["validation"], [0.9, np.nan])
    np.testing.assert_allclose(found.costs["seconds"], [20, np.nan])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(tmp_path, delimiter):
    file = tmp_path / "own.csv"
    file.write_text("\ufeff" + CSV.replace(",", delimiter), encoding="utf-8")
    check_values(load_table(options(file)), load_test(options(file)))


def test_an_npz_file_with_columns_together(tmp_path):
    nan = np.nan
    np.savez(
        tmp_path / "own.npz",
        arch=np.array([["conv", "8"], ["skip", "16"], ["skip", "8"], ["conv", "32"]]),
        val=np.array([[0.5, 0.7], [0.9, nan], [nan, nan], [0.3, 0.1]]),
        test=np.array([[0.6, 0.62], [0.85, nan], [0.2, 0.3], [0.35, 0.25]]),
        seconds=np.array([10, 20, 5, 40]),
        params=np.array([[3], [5], [4], [9]]),
    )
    own = options(
        tmp_path / "own.npz",
        arch_columns="arch",
        validation_columns="val",
        test_columns="test",
    )
    check_values(load_table(own), load_test(own))


def test_numbers_of_ops_keep_their_order(tmp_path):
    np.savez(
        tmp_path / "own.npz",
        first=np.array([10, 2, 2]),
        second=np.array([1.0, 0.0, 1.0]),
        value=np.array([3, 1, 2]),
    )
    own = TableOptions(
        source="file",
        file=str(tmp_path / "own.npz"),
        arch_columns="first,second",
        validation_columns="value",
    )
    table = load_table(own)
    assert table.space.choices == (("2", "10"), ("0", "1"))
    np.testing.assert_array_equal(table.scores(), [1, 2, np.nan, 3])
    with pytest.raises(OptionError, match=r"test_columns: got \(\), allowed: the colu"):
        load_test(own)


def table_of_ops(tmp_path, *names):
    file = tmp_path / "own.csv"
    rows = [f"{name},{row}" for row, name in enumerate(names)]
    file.write_text("\n".join(["op,value", *rows]) + "\n")
    columns = {"arch_columns": "op", "validation_columns": "value"}
    return load_table(TableOptions(source="file", file=str(file), **columns))


@pytest.mark.parametrize(
    ("names", "ops"),
    [
        (["5", "nan", "3"], ("3", "5", "nan")),
        (["NaN", "5", "3"], ("3", "5", "NaN")),
        (["nan", "conv", "3"], ("3", "conv", "nan")),
        (["inf", "nan", "-2", "1e1"], ("-2", "1e1", "inf", "nan")),
        (
            ["9007199254740993", "9007199254740992"],
            ("9007199254740992", "9007199254740993"),
        ),
        (["nan"], ("nan",)),
    ],
)
def test_ops_have_one_order(tmp_path, names, ops):
    for turn in (names, names[::-1]):
        assert table_of_ops(tmp_path, *turn).space.choices == (ops,)


@pytest.mark.parametrize("again", ["1.0", "01", "1e0", "+1"])
def test_equal_numbers_are_one_op(tmp_path, again):
    with pytest.raises(UserError, match="line 4: got the arch of line 2 again"):
        table_of_ops(tmp_path, "1", "2", again)
    with pytest.raises(UserError, match="line 4: got the arch of line 2 again"):
        table_of_ops(tmp_path, "nan", "skip", "NaN")
    file = tmp_path / "own.csv"
    file.write_text(f"op_1,op_2,value\n1,a,0\n{again},b,1\n2,b,2\n")
    own = TableOptions(
        source="file", file=str(file), arch_columns="op_*", validation_columns="value"
    )
    table = load_table(own)
    assert table.space.choices == (("1", "2"), ("a", "b"))
    np.testing.assert_array_equal(table.scores(), [0, 1, np.nan, 2])
    named = load_table(dataclasses.replace(own, op_names="2.0, 1.00; a, b"))
    np.testing.assert_array_equal(named.scores(), [np.nan, 2, 0, 1])


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_row_numbers_of_pandas_are_left_out_and_told(tmp_path, caplog, name):
    file = tmp_path / "own.csv"
    lines = [line for line in CSV.splitlines() if line]
    numbered = [f"{row},{line}" for row, line in enumerate(lines[1:])]
    file.write_text("\n".join([f"{name},{lines[0]}", *numbered]))
    with caplog.at_level("WARNING", logger="absl"):
        check_values(load_table(options(file)), load_test(options(file)))
    (record,) = caplog.records
    assert "own.csv: left out columns of row numbers: Unnamed: 0" in record.getMessage()
    with pytest.raises(UserError, match=r"line 1: got the header 'op_1, , val_a"):
        file.write_text(CSV.replace("op_1,op_2", "op_1,"))
        load_table(options(file))


def test_fidelities_and_losses(csv_file):
    own = options(
        csv_file,
        validation_columns="3: val_short; 9: val_a, val_b",
        seconds_columns="9: seconds",
        maximise=False,
    )
    table = load_table(own)
    assert table.fidelities == ("3", "9") and table.train_seconds[0] is None
    nan = np.nan
    np.testing.assert_allclose(
        table.scores("3"), [-0.4, nan, nan, -0.1, -0.8, nan], rtol=1e-6
    )
    assert load_test(own).optimum == pytest.approx(0.25)


def test_declared_ops(csv_file):
    own = options(csv_file, op_names="skip, conv, pool; 32, 16, 8")
    table = load_table(own)
    assert table.num_ops == (3, 3)
    assert table.scores()[table.index(np.array([1, 2]))] == pytest.approx(0.6)


BAD_OPTIONS = [
    ({"arch_columns": "op_1,op_9"}, "got no column 'op_9', expected one of op_1, op_2"),
    ({"arch_columns": "op_1,op_?"}, r"got a column twice in op_1, op_\?"),
    (
        {"validation_columns": "acc"},
        "got no column 'acc', .*; set table.validation_col",
    ),
    (
        {"seconds_columns": "time"},
        "got no column 'time', .*; set table.seconds_columns",
    ),
    ({"validation_columns": "op_1"}, "line 2, column op_1: got 'conv', expected a fi"),
    (
        {"validation_columns": "a: val_a; a: val_b"},
        "validation_columns: got 'a: val_a;",
    ),
    ({"validation_columns": "val_a; val_b"}, "validation_columns: got 'val_a; val_b'"),
    (
        {"test_columns": "test_a,val_a"},
        r"test_columns: got \('test_a', 'val_a'\), allowed: col",
    ),
    ({"seconds_columns": "9: seconds"}, "seconds_columns: got '9: seconds', allowed: "),
    ({"seconds_columns": "test_*"}, "column test_a, test_b: got 2 numbers an arch"),
    ({"cost_columns": "op_1"}, "column op_1: got 'conv', expected a finite number"),
    ({"op_names": "conv, pool"}, "line 3, column op_1: got op 'skip', expected one of"),
    ({"op_names": "a,b;c,d;e,f"}, "op_names: got 'a,b;c,d;e,f', allowed: different"),
    ({"op_names": "conv,conv"}, "op_names: got 'conv,conv'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_OPTIONS)
def test_a_wrong_option_is_named(csv_file, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        load_table(options(csv_file, **changes))
    assert "\n" not in str(error.value)


BAD_FILES = [
    ("", "got the header ''"),
    ("op_1,op_1\n", "got the header 'op_1, op_1'"),
    (CSV.split("\n")[0], "got no rows"),
    (CSV + "conv,8,1,1,1,1,1,1,1\n", "line 7: got the arch of line 2 again"),
    (CSV + "conv,16,1\n", "line 7: got 3 cells, expected 9"),
    (CSV + ",8,1,1,1,1,1,1,1\n", "line 7, column op_1: got '', expected the name"),
    (CSV.replace("0.5", "high"), "line 2, column val_a: got 'high', expected a finite"),
    (CSV.replace("0.5", "nan"), "line 2, column val_a: got 'nan', expected a finite"),
    (CSV.replace("0.5", "inf"), "line 2, column val_a: got 'inf', expected a finite"),
    (CSV.replace(",20,", ",,"), "line 3, column seconds: got no time of 0 seconds"),
    (CSV.replace(",20,", ",-1,"), "line 3, column seconds: got no time of 0 seconds"),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_a_wrong_cell_is_named(tmp_path, text, message):
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_table(options(file))
    assert "\n" not in str(error.value)


def test_a_table_without_values_is_refused(csv_file):
    csv_file.write_text("op_1,val\na,\nb,\n")
    own = TableOptions(
        source="file",
        file=str(csv_file),
        arch_columns="op_1",
        validation_columns="val",
        test_columns="val",
    )
    with pytest.raises(OptionError, match=r"test_columns: got \('val',\), allowed"):
        load_table(own)
    with pytest.raises(ValueError, match="test values of own: got 0 numbers"):
        load_test(own)


def test_wrong_npz_arrays_are_named(tmp_path):
    file = tmp_path / "own.npz"
    own = TableOptions(
        source="file", file=str(file), arch_columns="a", validation_columns="v"
    )
    for arrays, message in [
        ({"a": np.zeros(3), "v": np.zeros(2)}, r"got arrays a \(3,\), v \(2,\)"),
        ({}, "got arrays none"),
        (
            {"a": np.zeros((2, 2, 2)), "v": np.zeros(2)},
            r"column a: got shape \(2, 2, 2",
        ),
        ({"a": np.array([0.5, 1]), "v": np.zeros(2)}, "row 0, column a: got 0.5"),
        ({"a": np.arange(2), "v": np.array([True, False])}, "column v: got bool"),
        ({"a": np.arange(2), "v": np.array([1, np.inf])}, "row 1, column v: got inf"),
        ({"a": np.arange(2), "v": np.full(2, np.nan)}, "got no validation value"),
    ]:
        np.savez(file, **arrays)
        with pytest.raises(ValueError, match=message):
            load_table(own)


def test_a_name_of_any_bytes(tmp_path):
    file = tmp_path / os.fsdecode(b"caf\xe9.csv")
    file.write_text(CSV)
    assert load_table(options(file)).name == "caf\\xe9"
    assert load_test(options(file)).name == "caf\\xe9"


def test_files_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match=r"expected a \.csv, \.tsv or \.npz file"):
        load_table(options(tmp_path / "own.xlsx"))
    with pytest.raises(FileNotFoundError, match=r"own\.csv: no such file"):
        load_table(options(tmp_path / "own.csv"))
    (tmp_path / "own.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not text in UTF-8"):
        load_table(options(tmp_path / "own.csv"))
    (tmp_path / "own.csv").write_text("op_1,val\na,1\n" + "x" * 200_000 + ",2\n")
    with pytest.raises(
        UserError, match=r"own.csv, line 3: not CSV \(field larger than"
    ):
        load_table(options(tmp_path / "own.csv"))
    (tmp_path / "own.npz").write_text("op_1,val\n")
    with pytest.raises(ValueError, match="not a table with one row an arch"):
        load_table(options(tmp_path / "own.npz"))


def test_options_that_are_needed():
    with pytest.raises(
        OptionError, match=r"arch_columns: got \(\), allowed: needed whe"
    ):
        TableOptions(source="file", file="own.csv", validation_columns="val")
    with pytest.raises(
        OptionError, match="seed: got 'best', allowed: mean, random, or"
    ):
        TableOptions(seed="best")
    assert TableOptions(seed="2").seed_of_runs() == 2


def test_the_data_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("QNAS_DATA_DIR", str(tmp_path))
    assert TableOptions().data_root() == tmp_path
    assert TableOptions(data_dir=str(tmp_path / "..")).data_root().is_dir()
    with pytest.raises(
        FileNotFoundError, match="nowhere is missing: set table.data_dir"
    ):
        TableOptions(data_dir=str(tmp_path / "nowhere")).data_root()
