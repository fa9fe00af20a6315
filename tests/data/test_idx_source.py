import gzip
import struct

import numpy as np
import pytest

from qnas_jax.data import DataOptions, load
from qnas_jax.data.idx import read_idx

RNG = np.random.default_rng(0)


def idx_bytes(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_set(folder, compressed=True):
    folder.mkdir(parents=True)
    for prefix, num in (("train", 50), ("t10k", 20)):
        images = RNG.integers(0, 256, (num, 4, 3), dtype=np.uint8)
        for stem, array in (
            (f"{prefix}-images-idx3-ubyte", images),
            (f"{prefix}-labels-idx1-ubyte", np.arange(num) % 10),
        ):
            content = idx_bytes(array)
            if compressed:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / stem).write_bytes(content)


@pytest.mark.parametrize("compressed", [True, False])
def test_files_of_either_form(tmp_path, compressed):
    write_set(tmp_path / "fashion_mnist", compressed)
    for place in ({"data_dir": str(tmp_path)}, {"path": f"{tmp_path}/fashion_mnist"}):
        data = load(DataOptions(source="fashion_mnist", **place))
        assert (len(data.train), len(data.valid), len(data.test)) == (40, 10, 20)
        assert data.input_shape == (4, 3, 1)
        assert data.class_names[9] == "Ankle boot"
        np.testing.assert_array_equal(np.bincount(data.test.targets), [2] * 10)


def test_values_by_hand(tmp_path):
    path = tmp_path / "a-idx2-ubyte"
    path.write_bytes(bytes.fromhex("00000802 00000002 00000003 010203 0405ff"))
    np.testing.assert_array_equal(read_idx(path, 2), [[1, 2, 3], [4, 5, 255]])


def test_missing_files_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("QNAS_DATA_DIR", raising=False)
    with pytest.raises(
        FileNotFoundError, match="mnist: set data.path .* data.data_dir"
    ):
        load(DataOptions(source="mnist"))
    write_set(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte.gz is missing"):
        load(DataOptions(source="mnist", data_dir=str(tmp_path)))


def test_damaged_files_are_named(tmp_path):
    write_set(tmp_path / "mnist")
    options = DataOptions(source="mnist", data_dir=str(tmp_path))
    images = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    content = gzip.decompress(whole)
    labels = idx_bytes(np.zeros(50))
    for damaged, message in (
        (whole[:-20], "damaged gzip"),
        (whole[:100] + b"xxxx" + whole[104:], "damaged gzip"),
        (b"plain text", "damaged gzip"),
        (gzip.compress(b""), "starts with , expected 00000803"),
        (gzip.compress(content[:10]), "starts with 00000803"),
        (gzip.compress(labels), "starts with 00000801, expected 00000803"),
        (gzip.compress(content[:4] + b"\x7f" * 12), "bytes unpack to"),
        (gzip.compress(content[:-1]), "holds 599 values, its header says 50x4x3"),
        (gzip.compress(content + b"x"), "holds more values, its header says 50x4x3"),
        (gzip.compress(idx_bytes(np.zeros((49, 4, 3)))), "49 images and 50 labels"),
        (gzip.compress(idx_bytes(np.zeros((50, 4, 2)))), "test inputs are"),
    ):
        images.write_bytes(damaged)
        with pytest.raises(ValueError, match=message) as caught:
            load(options)
        assert "train-images-idx3-ubyte.gz" in str(caught.value) or "mnist:" in str(
            caught.value
        )


def test_label_out_of_range(tmp_path):
    write_set(tmp_path / "mnist")
    path = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.arange(20))))
    with pytest.raises(ValueError, match="mnist: test label 10 at position 10"):
        load(DataOptions(source="mnist", data_dir=str(tmp_path)))
