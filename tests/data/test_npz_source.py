import numpy as np
import pytest

from qnas_jax.data import DataOptions, load


def arrays(num=20, shape=(4, 3), classes=2):
    rng = np.random.default_rng(num)
    images = rng.integers(0, 256, (num, *shape), dtype=np.uint8)
    return images, np.arange(num) % classes


def load_file(path, **options):
    return load(DataOptions(source="npz", path=str(path), **options))


def save(folder, **content):
    path = folder / "mine.npz"
    np.savez(path, **content)
    return path


def test_train_arrays_alone(tmp_path):
    x, y = arrays()
    data = load_file(save(tmp_path, x_train=x, y_train=y))
    assert data.name == "mine"
    assert data.input_shape == (4, 3, 1)
    assert data.class_names == ("0", "1")
    assert (len(data.train), len(data.valid), len(data.test)) == (13, 3, 4)
    both = np.concatenate([data.train.inputs, data.valid.inputs, data.test.inputs])
    assert sorted(map(bytes, both)) == sorted(map(bytes, x))


def test_all_arrays_and_names(tmp_path):
    x, y = arrays(8, (4, 3, 3))
    content = {
        f"{kind}_{split}": array[:size]
        for split, size in (("train", 8), ("valid", 5), ("test", 4))
        for kind, array in (("x", x), ("y", y.astype(np.uint8)))
    }
    names = np.array(["cat", "dog"])
    data = load_file(save(tmp_path, class_names=names, **content))
    assert data.class_names == ("cat", "dog")
    assert (len(data.train), len(data.valid), len(data.test)) == (8, 5, 4)
    pairs = {bytes(image): label for image, label in zip(x, y, strict=True)}
    for image, label in zip(data.train.inputs, data.train.targets, strict=True):
        assert pairs[bytes(image)] == label


X, Y = arrays()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": X, "y": Y}, r"got arrays \['x', 'y'\], expected x_train"),
        ({"x_train": X}, "expected y_train"),
        ({"x_train": X / 255, "y_train": Y}, r"x_train: got float64 .*np.rint\(255"),
        ({"x_train": X[0], "y_train": Y}, r"x_train: got uint8 \[4, 3\]"),
        ({"x_train": X, "y_train": Y / 2}, "y_train: got float64"),
        ({"x_train": X, "y_train": Y[:, None]}, r"y_train: got int64 \[20, 1\]"),
        ({"x_train": X, "y_train": Y[:-1]}, "x_train, y_train: got 20 images and 19"),
        ({"x_train": X[:0], "y_train": Y[:0]}, "split is empty"),
        ({"x_train": X, "y_train": Y - 1}, "train label -1 at position 0"),
        ({"x_train": X, "y_train": Y * 10**9}, "got label 1000000000 in 20 examples"),
        ({"x_train": X, "y_train": Y * 10**10}, "does not fit int32"),
        ({"x_train": X, "y_train": Y * 2}, r"class 1 \(1\) has no example"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "x_test alone"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :3], "y_test": Y},
            r"test inputs are \[3, 3, 1\]",
        ),
        (
            {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1},
            "test label 2 at position 1",
        ),
        ({"x_train": X, "y_train": Y, "class_names": Y}, "class_names: got int64"),
        (
            {"x_train": X, "y_train": Y, "class_names": np.array(["a"])},
            "train label 1 .* expected 0..0",
        ),
    ],
)
def test_wrong_arrays(tmp_path, content, message):
    path = save(tmp_path, **content)
    with pytest.raises(ValueError, match=message) as caught:
        load_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_npz(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.npz is missing"):
        load_file(tmp_path / "gone.npz")
    with pytest.raises(FileNotFoundError, match="is missing: set path"):
        load_file(tmp_path)
    whole = save(tmp_path, x_train=X, y_train=Y).read_bytes()
    np.save(tmp_path / "array.npy", X)
    flipped = bytearray(whole)
    flipped[200] ^= 255
    contents = {
        "text.npz": b"not an archive",
        "empty.npz": b"",
        "cut.npz": whole[: len(whole) // 2],
        "flipped.npz": bytes(flipped),
        "single.npz": (tmp_path / "array.npy").read_bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: not a readable npz file"):
            load_file(tmp_path / name)


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, x_train=np.array([{}], dtype=object), y_train=Y)
    with pytest.raises(ValueError, match="objects.npz: not a readable npz file"):
        load_file(path)
