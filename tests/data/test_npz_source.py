import os

import numpy as np
import pytest

from qnas_jax.data import DataOptions, load
from qnas_jax.errors import UserError


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
        (
            {"x_train": X, "y_train": Y * 10**9},
            "got 2 labels up to 1000000000 and no 1",
        ),
        ({"x_train": X, "y_train": Y * 0}, r"got one class \(0\), expected at least 2"),
        ({"x_train": X, "y_train": Y + 1}, "got 2 labels up to 2 and no 0, expected"),
        (
            {"x_train": X, "y_train": Y.astype(str)},
            r"class_names, y = np\.unique\(y, r",
        ),
        ({"x_train": X, "y_train": Y > 0}, r"got bool .*y\.astype\(np\.int64\)"),
        ({"x_train": X, "y_train": np.eye(20)}, r"got float64 .*y\.argmax\(1\)"),
        ({"x_train": X, "y_train": Y * 10**10}, "does not fit int32"),
        (
            {"x_train": X, "y_train": Y * 2},
            r"got 2 labels up to 2 and no 1, .* by np\.searchsorted\(np\.unique",
        ),
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


def told(caplog, path):
    with caplog.at_level("WARNING", logger="absl"):
        data = load_file(path)
    return data, [record.getMessage() for record in caplog.records]


def test_other_names_of_a_split(tmp_path, caplog):
    content = {"X_train": X, "y_train": Y, "x_val": X[:6], "y_val": Y[:6]}
    data, said = told(caplog, save(tmp_path, **content))
    assert (len(data.valid), said) == (6, [])
    with pytest.raises(UserError, match="got x_valid and another array for x_valid"):
        load_file(save(tmp_path, **content, x_valid=X, y_valid=Y))


@pytest.mark.parametrize("name", ["x_tset", "xtest", "X_vaild", "class_name"])
def test_a_name_that_looks_like_a_slip_is_refused(tmp_path, name):
    path = save(tmp_path, x_train=X, y_train=Y, **{name: Y})
    with pytest.raises(UserError, match=f"got an array {name}, .* name it so, else ta"):
        load_file(path)


def test_arrays_that_are_not_used_are_told(tmp_path, caplog):
    path = save(tmp_path, x_train=X, y_train=Y, weights=Y, ids=Y)
    _, said = told(caplog, path)
    assert said == ["mine: left out the arrays ids, weights"]


def test_a_name_of_any_bytes(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.npz")
    np.savez(path, x_train=X, y_train=Y)
    assert load_file(path).name == "caf\\xe9"


def test_unusual_shapes_are_told(tmp_path, caplog):
    images = np.resize(X, (20, 9, 9, 7))
    _, said = told(caplog, save(tmp_path, x_train=images, y_train=Y))
    assert len(said) == 1 and "taken as 9 x 9 pixels with 7 channels" in said[0]
    caplog.clear()
    images = np.resize(X, (20, 64, 3))
    _, said = told(caplog, save(tmp_path, x_train=images, y_train=Y))
    assert len(said) == 1 and "taken as 64 x 3 pixels with 1 channels" in said[0]


def test_a_class_without_a_test_example_is_told(tmp_path, caplog):
    content = {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2] * 0}
    _, said = told(caplog, save(tmp_path, **content))
    assert said == ["mine: test has no example of 1 of 2 classes (1)"]


def test_files_that_are_no_npz(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.npz is missing"):
        load_file(tmp_path / "gone.npz")
    with pytest.raises(FileNotFoundError, match="is missing: set data.path"):
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
