"""Problem files: what they mean, and one clear line for what is wrong with them."""

import itertools
import json

import numpy as np
import pytest

from qnas_jax.optimise import qubo
from qnas_jax.optimise.problems.files import read_problem, write_problem

BITS = np.array(list(itertools.product((0, 1), repeat=3)), np.int8)
MATRIX = np.array([[1.0, 2.0, 0.0], [0.5, -3.0, 4.0], [0.0, 0.0, 0.25]])


def written(tmp_path, name, content):
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", {"matrix": MATRIX.tolist()}),
        (
            "b.json",
            {
                "linear": [1, -3, 0.25],
                "quadratic": [[0, 1, 2], [1, 0, 0.5], [1, 2, 4]],
            },
        ),
        ("c.csv", "1,2,0\n0.5,-3,4\n\n0,0,.25\n"),
        ("d.CSV", "i,j,value\n0,0,1\n0,1,2\n1,0,0.5\n1,1,-3\n1,2,4\n2,2,0.25\n"),
        (
            "e.csv",
            "\ufeffI, J, Value\r\n0,0,1\r\n0,1,2.5\r\n1,1,-3\r\n2,1,4\r\n2,2,.25",
        ),
    ],
)
def test_all_forms_mean_the_same(tmp_path, name, content):
    form = read_problem(written(tmp_path, name, content))
    want = np.einsum("si,ij,sj->s", BITS, MATRIX, BITS)
    np.testing.assert_allclose(form.cost(BITS), want, rtol=1e-6)


def test_a_constant_and_no_pairs(tmp_path):
    content = {"linear": [1.0, 2.0, 4.0], "constant": 8}
    form = read_problem(written(tmp_path, "a.json", content))
    # Bits as binary digits from the right, plus 8.
    np.testing.assert_allclose(form.cost(BITS), [8, 12, 10, 14, 9, 13, 11, 15])


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_written_files_read_back(tmp_path, suffix):
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    matrix[4] = matrix[:, 4] = 0
    form = qubo(matrix, 1.5 if suffix == "json" else 0.0)
    path = tmp_path / f"form.{suffix}"
    write_problem(path, form)
    again = read_problem(str(path))
    np.testing.assert_array_equal(again.linear, form.linear)
    np.testing.assert_array_equal(again.quadratic, form.quadratic)
    assert again.constant == form.constant


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "got an empty file"),
        ("{]", "line 1, column 2: not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "got 3, expected"),
        ("{}", r"got fields \[\], expected"),
        ({"matrix": []}, r"matrix: got \[\], expected a list"),
        ({"matrix": 1}, "matrix: got 1, expected a list"),
        ({"matrix": [[1, 2]]}, r"matrix\[0\]: got 2 numbers, expected 1"),
        ({"matrix": [[1, 2], 3]}, r"matrix\[1\]: got 3, expected 2"),
        ({"matrix": [[1, "x"], [0, 1]]}, r"matrix\[0\]\[1\]: got 'x', expected a fin"),
        ({"matrix": [[True]]}, r"matrix\[0\]\[0\]: got True, expected a finite"),
        ('{"matrix": [[NaN]]}', r"matrix\[0\]\[0\]: got nan, expected a finite"),
        ('{"matrix": [[1e999]]}', "got inf, expected a finite"),
        ('{"matrix": [[1e39]]}', r"got 1e\+39, expected a finite"),
        ('{"matrix": [[1' + "0" * 5000 + "]]}", "not JSON that can be read"),
        ('{"matrix": [[1' + "0" * 400 + "]]}", "expected a finite"),
        (
            {"matrix": [[1]], "liner": []},
            "got field 'liner', expected constant, matrix",
        ),
        ({"matrix": [[1]], "constant": None}, "constant: got None, expected a finite"),
        ({"linear": []}, r"linear: got \[\]"),
        ({"linear": [1], "quadratic": {}}, "quadratic: got {}, expected a list"),
        ({"linear": [1], "quadratic": [[0, 1]]}, r"quadratic\[0\]: got \[0, 1\]"),
        (
            {"linear": [1, 1], "quadratic": [[0, 2, 1]]},
            r"quadratic\[0\]\[1\]: got 2, expected a whole number from 0 to 1",
        ),
        ({"linear": [1, 1], "quadratic": [[-1, 0, 1]]}, "got -1, expected a whole"),
        ({"linear": [1, 1], "quadratic": [[0.5, 0, 1]]}, "got 0.5, expected a whole"),
        ({"linear": [1, 1], "quadratic": [[1, 1, 1]]}, "got bit 1 twice"),
        (
            '{"linear": [1], "linear": [2]}',
            "got field 'linear' twice, expected it once",
        ),
        ('{"matrix": [[1]], "constant": {"a": 1, "a": 2}}', "got field 'a' twice"),
        ({"linear": ["1_0"]}, r"linear\[0\]: got '1_0', expected a finite"),
        ({"linear": ["\uff11"]}, r"linear\[0\]: got '\uff11', expected a finite"),
        (
            {"linear": [0, 0], "quadratic": [[0, 1, 2e38], [1, 0, 2e38]]},
            r"quadratic\[1\]: got values of \(1, 0\) that add up to 4e\+38",
        ),
        ({"matrix": [[0, 3e38], [3e38, 0]]}, r"matrix\[1\]\[0\]: .* add up to 6e\+38"),
        ({"linear": [3e38, 3e38]}, "add up to 6e\\+38, expected less than 3.4e"),
        ({"linear": [3e38], "constant": 1e38}, "numbers that add up to 4e\\+38"),
    ],
)
def test_bad_json(tmp_path, content, message):
    path = written(tmp_path, "bad.json", content)
    check_message(path, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("  \n\n", "got an empty file"),
        ("1,2\n3\n", "line 2: got 1 numbers, expected 2"),
        ("1,2\n\n3,x\n", "line 3, cell 2: got 'x', expected a finite number"),
        ("a,b\n1,2\n", "line 1, cell 1: got 'a'"),
        ("1,2,3\n", "line 1: got 3 numbers, expected 1"),
        ("i,j,value\n", "got a header and no terms"),
        ("i,j,value\n0,1\n", "line 2: got 2 cells, expected i,j,value"),
        ("i,j,value\n0,-1,2\n", "line 2, j: got '-1', expected a whole number"),
        ("i,j,value\n0,99999999999,2\n", "line 2, j: got '99999999999'"),
        ("i,j,value\n0,1,nan\n", "line 2, value: got 'nan', expected a finite"),
        ("i,j,value\n0,1,\n", "line 2, value: got '', expected a finite"),
        (",\n,\n", "got empty cells only"),
        ('"' + "1" * 200_000 + '"', "not CSV"),
        ("i,j,value\n0,0,1_0\n", "line 2, value: got '1_0', expected a finite"),
        ("i,j,value\n0,1_0,1\n", "line 2, j: got '1_0', expected a whole"),
        ("1,1_0\n0,1\n", "line 1, cell 2: got '1_0'"),
        ("i,j,value\n0,0,3e38\n\n0,0,3e38\n", r"line 4: .* add up to 6e\+38, exp"),
        ("3e38,3e38\n3e38,0\n", r"line 2, cell 1: got values of \(1, 0\) that add up"),
    ],
)
def test_bad_csv(tmp_path, content, message):
    check_message(written(tmp_path, "bad.csv", content), message)


def check_message(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_problem(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_bad_paths(tmp_path):
    check_message(tmp_path / "none.json", "no such file")
    check_message(tmp_path / "none.txt", "expected a name ending in .json")
    (tmp_path / "folder.csv").mkdir()
    check_message(tmp_path / "folder.csv", "cannot be read")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x80")
    check_message(tmp_path / "binary.csv", "cannot be read")
    with pytest.raises(ValueError, match="ending in .json or .csv"):
        write_problem(tmp_path / "a.txt", qubo(MATRIX))
    with pytest.raises(ValueError, match="got constant 1.0, expected 0"):
        write_problem(tmp_path / "a.csv", qubo(MATRIX, 1.0))
