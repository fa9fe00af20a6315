"""Files that are written whole, and are on the disk before the next step."""

import os

import pytest

from qnas_jax import files
from qnas_jax.errors import UserError
from qnas_jax.runs import RowLog, rows, write_arrays, write_json, write_rows


@pytest.fixture
def calls(monkeypatch):
    """Names of synced files and renames, in order."""
    found = []
    replace = os.replace

    def name_of(handle):
        return os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(os, "fsync", lambda handle: found.append(name_of(handle)))
    monkeypatch.setattr(
        os, "replace", lambda a, b: (found.append("rename"), replace(a, b))
    )
    return found


@pytest.mark.parametrize(
    "write",
    [
        lambda path: files.replace_file(path, b"x"),
        lambda path: write_json(path, {}),
        lambda path: write_arrays(path, a=[1]),
        lambda path: write_rows(path, [{}]),
    ],
)
def test_content_is_synced_before_the_rename_and_the_folder_after(
    tmp_path, calls, write
):
    write(tmp_path / "a")
    assert calls == [".a.part", "rename", tmp_path.name]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_rows_are_synced_now_and_then_and_before_they_are_built_upon(
    tmp_path, calls, monkeypatch
):
    now = [1000.0]
    monkeypatch.setattr(rows.time, "monotonic", lambda: now[0])
    log = RowLog(tmp_path / "a")
    log.append([{"n": 1}])
    assert calls == [tmp_path.name]  # a new name in it
    now[0] += 6
    log.append([{"n": 2}])
    log.append([{"n": 3}])
    assert calls == [tmp_path.name, "a"]
    log.position([""])
    assert calls == [tmp_path.name, "a", "a"]


def test_what_is_removed_is_gone(tmp_path, calls):
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("a", "b", "nothing"):
        files.remove(tmp_path / name)
    assert not list(tmp_path.iterdir()) and calls == [tmp_path.name] * 2


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match="a: got a folder, expected a file"):
        files.replace_file(tmp_path / "a", b"x")


def test_digests_depend_on_content_alone(tmp_path):
    (tmp_path / "a").write_bytes(b"xyz")
    (tmp_path / "b").write_bytes(b"xyz")
    found = {files.digest_file(tmp_path / name) for name in "ab"}
    assert found == {files.digest(b"xyz"), files.digest(b"x", b"yz")}
    assert files.digest(b"xyZ") not in found
