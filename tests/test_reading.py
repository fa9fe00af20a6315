"""Users' files that cannot be read end in one line that names them."""

import io
import os
import zipfile

import numpy as np
import pytest

from qnas_jax import reading
from qnas_jax.errors import UserError
from qnas_jax.reporting import rows
from qnas_jax.runs import RunError, read_arrays

DEEP = b"[" * 100_000 + b"]" * 100_000
LONG_NUMBER = b"[" + b"9" * 5_000 + b"]"


def npy(header):
    """A .npy file with a header of one's own."""
    text = header.encode() + b" " * (118 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def archive(content, **changes):
    """An npz file with one member; `changes` are written into its directory."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr("x.npy", content)
        for name, value in changes.items():
            setattr(members.infolist()[0], name, value)
    return file.getvalue()


WHOLE = io.BytesIO()
np.save(WHOLE, np.arange(3))
ENCRYPTED = bytearray(archive(WHOLE.getvalue()))
ENCRYPTED[6] |= 1  # in the member's own header, and in the directory
ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1
OTHER_COMPRESSION = bytearray(archive(WHOLE.getvalue()))
OTHER_COMPRESSION[8] = 99
OTHER_COMPRESSION[OTHER_COMPRESSION.index(b"PK\x01\x02") + 10] = 99
DAMAGED = {
    "huge": archive(
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2**62 // 2**22,)}")
    ),
    "large": archive(
        npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**46},)}}")
    ),
    "header": archive(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (((")),
    "encrypted": bytes(ENCRYPTED),
    "compression": bytes(OTHER_COMPRESSION),
    "objects": archive(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}")),
    "single": WHOLE.getvalue(),
    "text": b"x,y\n1,2\n",
    "empty": b"",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_npz_file_is_one_line(tmp_path, damage):
    path = tmp_path / f"{damage}.npz"
    path.write_bytes(DAMAGED[damage])
    with pytest.raises(UserError, match=f"{damage}.npz: not a readable npz") as error:
        reading.read_npz(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    with pytest.raises(UserError, match=f"{damage}.npz: not an npz file of the arrays"):
        rows.read_registers(path)


def test_arrays_of_an_npz_file(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.ones(2))
    assert set(reading.read_npz(tmp_path / "a.npz")) == {"x", "y"}
    assert set(reading.read_npz(tmp_path / "a.npz", ["y"])) == {"y"}
    with pytest.raises(UserError, match=r"a.npz: not two numbers \(.*z"):
        reading.read_npz(tmp_path / "a.npz", ["z"], what="two numbers")


def test_an_archive_is_refused_by_the_size_that_it_says(tmp_path):
    path = tmp_path / "bomb.npz"
    path.write_bytes(archive(WHOLE.getvalue(), file_size=2**31))
    said = (
        r"bomb.npz: says that its \d+ bytes unpack to 2,147,483,648, expected at most"
    )
    for read in (reading.read_npz, rows.read_registers):
        with pytest.raises(UserError, match=said):
            read(path)
    with pytest.raises(RunError, match="bomb.npz: damaged .*unpack to 2,147,483,648"):
        read_arrays(path, "x")
    reading.check_unpacked(path, 2**30, 10)
    reading.check_unpacked(path, 2**40, 2**33)
    with pytest.raises(UserError, match="at most 200 times as many"):
        reading.check_unpacked(path, 2**40, 2**32)


def read_json(path):
    return reading.parse_json(reading.read_bytes(path), str(path))


@pytest.mark.parametrize("content", [DEEP, LONG_NUMBER, b"[0,", b"\xff\xfe"])
def test_a_damaged_json_text_is_one_line(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content + b"\n{}\n")
    for read in (read_json, rows.read_jsonl):
        with pytest.raises(UserError, match=r"a\.jsonl.*: not valid JSON \(") as error:
            read(path)
        assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_in_the_encodings_that_editors_write(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_text('[["größer", 1]]', encoding=encoding)
    assert read_json(path) == [["größer", 1]]


def test_names_are_printed_on_one_line():
    assert reading.printable("größer 1") == "größer 1"
    assert reading.printable(os.fsdecode(b"caf\xe9\n2")) == r"caf\xe9\n2"


def test_folders_and_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: Is a directory"):
        read_json(tmp_path)
    with pytest.raises(UserError, match="gone: No such file or directory"):
        read_json(tmp_path / "gone")
    with (
        pytest.raises(UserError, match="gone: No such file or directory"),
        reading.naming(tmp_path),
    ):
        list((tmp_path / "gone").iterdir())
    with pytest.raises(UserError, match="here: no room"), reading.naming("here"):
        raise OSError("no room")
    with pytest.raises(UserError, match="as it was"), reading.naming("here"):
        raise UserError("as it was")
