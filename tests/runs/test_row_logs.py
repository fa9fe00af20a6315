"""Rows that are checked: what a kill leaves is forgiven, what a hand does is named."""

import logging as python_logging

import pytest

from qnas_jax.runs import DamagedRowError, RowLog, RunError, read_rows, start_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "rows.jsonl"


def fill(path):
    log = RowLog(path)
    log.append([{"stage": "a", "n": 1}])
    log.append([{"stage": "b", "n": 2}, {"stage": "a", "n": 3}])
    RowLog(path).append([{"stage": "a", "n": 4}])
    return log


def numbers(path):
    return [row["n"] for row in read_rows(path)]


def test_rows_come_back_in_order(path):
    assert read_rows(path) == []
    RowLog(path).append([])
    assert read_rows(path) == []
    fill(path)
    assert read_rows(path)[0] == {"stage": "a", "n": 1}
    assert numbers(path) == [1, 2, 3, 4]


def test_the_same_rows_are_the_same_bytes(path, tmp_path):
    fill(path)
    RowLog(tmp_path / "other").append({**row} for row in read_rows(path))
    assert (tmp_path / "other").read_bytes() == path.read_bytes()


def test_a_line_that_a_kill_cut_short_makes_room(path, caplog):
    fill(path)
    content = path.read_bytes()
    absl_logger = python_logging.getLogger("absl")
    absl_logger.addHandler(caplog.handler)
    try:
        for length in range(len(content)):
            path.write_bytes(content[:length])
            whole = content[:length].count(b"\n")
            assert numbers(path) == [1, 2, 3, 4][:whole]
            log = RowLog(path)
            log.append([{"stage": "a", "n": 9}])
            assert numbers(path) == [*[1, 2, 3, 4][:whole], 9]
    finally:
        absl_logger.removeHandler(caplog.handler)
    assert "rows.jsonl: the last line is incomplete" in caplog.text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: lines[1:], 2),  # the first a is gone, seen at the second
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: [lines[0], *lines], 2),
        (lambda lines: [*lines[:2], b"{}\n", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"[1, 2]\n", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3),
        (lambda lines: [*lines[:2], lines[2].replace(b"3", b"8", 1), lines[3]], 3),
        (lambda lines: [lines[0][:-9] + b"\n", *lines[1:]], 1),
        (lambda lines: [lines[2], lines[1], lines[0], lines[3]], 1),
        (lambda lines: [*lines[:3], lines[3].replace(b'"a"', b'"c"')], 4),
    ],
)
def test_a_changed_line_is_named(path, change, line):
    fill(path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(DamagedRowError, match=f"rows.jsonl, line {line}: ") as caught:
        RowLog(path, "bake it again").read()
    assert str(caught.value).endswith("; put it back, or bake it again")
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_an_error(path):
    path.mkdir(parents=True)
    with pytest.raises(RunError, match="got a folder, expected a file"):
        read_rows(path)


def test_rows_after_a_position_are_cut_and_others_stay(path):
    log = fill(path)
    content = path.read_bytes().splitlines(keepends=True)
    everything = log.position(["a", "b"])
    assert everything["a"]["rows"] == 3 and everything["b"]["rows"] == 1
    log.cut(everything)
    assert path.read_bytes() == b"".join(content)
    RowLog(path).append([{"stage": "a", "n": 5}, {"stage": "b", "n": 6}])
    log.cut({"a": everything["a"]})
    assert numbers(path) == [1, 2, 3, 4, 6]
    log.cut(start_of(["b"]))
    assert numbers(path) == [1, 3, 4]
    log.append([{"stage": "b", "n": 7}])
    assert numbers(path) == [1, 3, 4, 7]
    log.keep("a", 2)
    assert numbers(path) == [1, 3, 7]
    with pytest.raises(RunError, match="got 2 rows of a, expected 3"):
        log.keep("a", 3)
    log.drop(["a"])
    assert numbers(path) == [7]


def test_a_position_is_checked(path):
    log = fill(path)
    position = log.position(["a"])
    log.check(position, whole=True)
    with pytest.raises(RunError, match="got 3 rows of a, expected 0 as they were"):
        log.check(start_of(["a"]), whole=True)
    log.check(start_of(["a"]), whole=False)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    with pytest.raises(RunError, match="got 2 rows of a, expected 3"):
        log.cut(position)
    path.unlink()
    with pytest.raises(RunError, match="got 0 rows of a, expected 3"):
        log.check(position, whole=False)
    path.write_bytes(b"".join([lines[0], b"[]\n", *lines[1:]]))
    log.cut(position)  # what no stage wrote goes, the others are whole
    assert path.read_bytes() == b"".join(lines)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"3", b"8", 1), lines[3]]))
    with pytest.raises(DamagedRowError, match="line 3: not as it was written"):
        log.cut(position)


def test_positions_are_those_of_the_file(tmp_path):
    """Whoever appends knows them; whoever finds another file reads it."""
    path = tmp_path / "rows.jsonl"
    log = RowLog(path)
    for number in range(3):
        log.append([{"stage": "a", "n": number}, {"stage": "b"}])
    assert log.position("ab") == RowLog(path).position("ab")
    assert log.position(["a", "c"]) == {
        "a": RowLog(path).position("a")["a"],
        "c": {"rows": 0, "check": ""},
    }
    RowLog(path).drop("b")
    assert log.position("ab") == RowLog(path).position("ab")
    log.append([{"stage": "b"}])
    assert log.position("b")["b"]["rows"] == 1
    assert len(log.read()) == 4
