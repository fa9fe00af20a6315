"""Files of latencies: three forms, one content; errors of one line."""

import json

import numpy as np
import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.latency import latency_content, read_latency_table, read_samples
from qnas_jax.spaces import SearchSpace

SPACE = SearchSpace("two", (("a", "b"), ("a", "b", "skip")))
CONTENT = {"base_ms": 0.5, "layers": [{"b": 2, "a": 1.5}, {"a": 3, "b": 4, "skip": 0}]}
CSV = "layer,op,ms\n,,0.5\n1,a,3\n1,b,4\n0,a,1.5\n0,b,2\n1,skip,0\n"


@pytest.fixture
def files(tmp_path):
    json_file, csv_file = tmp_path / "t.json", tmp_path / "t.csv"
    json_file.write_text(json.dumps({**CONTENT, "device": "mine"}))
    csv_file.write_text(CSV)
    npz_file = tmp_path / "t.npz"
    np.savez(
        npz_file,
        layer=[0, 0, 1, 1, 1],
        op=["a", "b", "a", "b", "skip"],
        ms=[1.5, 2, 3, 4, 0],
        base_ms=0.5,
    )
    return json_file, csv_file, npz_file


def test_all_forms_are_read_alike(files):
    for path in files:
        table = read_latency_table(path, SPACE)
        assert table.by_op["latency_ms"].tolist() == [[1.5, 2, 0], [3, 4, 0]]
        # By hand: 0.5 + 2 + 0, 0.5 + 1.5 + 4.
        assert table.cost([[1, 2], [0, 1]])["latency_ms"].tolist() == [2.5, 6.0]


def test_what_is_written_is_read(files, tmp_path):
    table = read_latency_table(files[0], SPACE)
    path = tmp_path / "again.json"
    path.write_text(json.dumps(latency_content(SPACE, table)))
    again = read_latency_table(path, SPACE)
    assert latency_content(SPACE, again) == CONTENT


def test_the_base_may_be_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(CSV.replace(",,0.5\n", ""))
    assert read_latency_table(path, SPACE).cost([[0, 2]])["latency_ms"] == [1.5]


@pytest.mark.parametrize("entry", ['"a": "%s"', '"%s": 1'])
def test_what_is_long_is_told_in_short(tmp_path, entry):
    path = tmp_path / "t.json"
    path.write_text('{"layers": [{%s}]}' % (entry % ("1" * 5000)))
    with pytest.raises(UserError) as error:
        read_latency_table(path, SPACE)
    assert "'111" in str(error.value) and len(str(error.value)) < 1500


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.json", "{", "not valid JSON"),
        ("t.json", "[1]", "expected {"),
        ("t.json", '{"layers": [{"a": 1, "b": 2}]}', "no latency of op 'a' at layer 1"),
        ("t.json", '{"layers": [{"a": 1, "z": 2}]}', "got op 'z' at layer 0"),
        ("t.json", '{"layers": [{"a": -1}]}', "got -1, expected milliseconds"),
        ("t.json", '{"layers": [{"a": true}]}', "got True, expected milliseconds"),
        ("t.json", '{"layers": [{}, {}, {"a": 1}]}', "got layer 2, expected 0..1"),
        ("t.csv", "layer,op\n", "got ['layer', 'op'], expected layer,op,ms"),
        ("t.csv", CSV + "0,a,1\n", "op 'a' of layer 0 twice"),
        ("t.csv", CSV.replace("1.5", "fast"), "got 'fast', expected milliseconds"),
        ("t.csv", CSV.replace("0.5", "nan"), "base_ms: got 'nan'"),
        ("t.csv", CSV + "0,a\n", "row 8: got 2 cells, expected 3"),
        ("t.csv", "\xff", "expected layer,op,ms"),
        ("t.txt", CSV, ".json, .csv or .npz"),
    ],
)
def test_what_is_refused(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_latency_table(path, SPACE)
    line = str(caught.value)
    assert said in line and str(path) in line and "\n" not in line


def test_damaged_and_missing_files(tmp_path):
    with pytest.raises(MissingFileError, match="none.json"):
        read_latency_table(tmp_path / "none.json", SPACE)
    path = tmp_path / "bytes.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a CSV file in UTF-8"):
        read_latency_table(path, SPACE)
    path = tmp_path / "t.npz"
    np.savez(path, layer=[0, 1], op=["a"], ms=[1.0, 2.0])
    with pytest.raises(UserError, match="arrays layer, op and ms of one length"):
        read_latency_table(path, SPACE)


def test_samples_of_the_public_file(data_dir):
    samples = read_samples(data_dir / "latency_fbnet_ofa" / "fbnet.npz", "fbnet")
    assert samples.archs.shape == (5000, 22) and samples.space.size == 9**22
    assert len(samples.latency_ms) == 27
    assert samples.latency_ms["pixel3"].min() == pytest.approx(8.3216, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ops": np.full((3, 2), 2)}, "ops are not all integers from 0 to 1"),
        ({"latency_ms": [[1.0], [np.nan], [2.0]]}, "not all finite numbers"),
        ({"latency_ms": [[1.0], [2.0]]}, "latency_ms (2, 1), expected"),
    ],
)
def test_samples_that_are_refused(tmp_path, changed, said):
    path = tmp_path / "samples.npz"
    good = {
        "ops": [[0, 1], [1, 1], [0, 0]],
        "op_names": ["a", "b"],
        "devices": ["mine"],
        "latency_ms": [[1.0], [2.0], [3.0]],
    }
    np.savez(path, **good)
    assert read_samples(path, "own").latency_ms["mine"].tolist() == [1, 2, 3]
    np.savez(path, **{**good, **changed})
    with pytest.raises(UserError) as caught:
        read_samples(path, "own")
    assert said in str(caught.value) and str(path) in str(caught.value)
