"""Sealed files: whatever happens to a byte, it is the same value or one line."""

import numpy as np
import pytest

from qnas_jax.runs import RunError, read_arrays, read_sealed, write_arrays, write_sealed

ARRAYS = {
    "scores": np.arange(6, dtype=np.float32).reshape(2, 3),
    "names": np.array(["a", "bc"]),
}
VALUE = {"step": 3, "files": {"a": "0f"}, "share": 0.1, "none": None}


def changes(content):
    """Each byte changed, and each beginning of the file."""
    for place, byte in enumerate(content):
        for other in (byte ^ 1, byte ^ 0x80):
            yield content[:place] + bytes([other]) + content[place + 1 :]
        yield content[:place]


@pytest.mark.filterwarnings("ignore")  # of zipfile, of names that it meets twice
def test_arrays(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, **ARRAYS)
    refused = 0
    for content in changes(path.read_bytes()):
        path.write_bytes(content)
        try:
            found = read_arrays(path, *ARRAYS)
        except RunError as error:
            refused += 1
            assert str(path) in str(error) and "delete it" in str(error)
            assert "\n" not in str(error)
        else:
            for one, other in zip(found, ARRAYS.values(), strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_array_equal(one, other)
    assert refused > 500
    write_arrays(path, other=ARRAYS["scores"])
    with pytest.raises(RunError, match=r"a\.npz: damaged"):
        read_arrays(path, *ARRAYS)


def test_objects(tmp_path):
    path = tmp_path / "a.json"
    write_sealed(path, VALUE)
    assert read_sealed(path, "bake it") == VALUE
    for content in changes(path.read_bytes()):
        path.write_bytes(content)
        try:
            found = read_sealed(path, "bake it")
        except RunError as error:
            assert str(path) in str(error) and "bake it" in str(error)
            assert "\n" not in str(error)
        else:
            assert found == VALUE
    write_sealed(tmp_path / "b.json", VALUE)
    (tmp_path / "b.json").rename(path)  # in the place of another
    with pytest.raises(RunError, match=r"a\.json: not as it was written"):
        read_sealed(path, "bake it")
    path.unlink()
    with pytest.raises(RunError, match=r"a\.json: missing; put it back, or bake it"):
        read_sealed(path, "bake it")
