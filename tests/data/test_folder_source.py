import os

import numpy as np
import pytest
from PIL import Image

from qnas_jax.data import DataOptions, load


def pixels(seed, shape=(5, 6, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_classes(root, num=6, shape=(5, 6, 3), classes=("cat", "dog")):
    for label, name in enumerate(classes):
        for index in range(num):
            write(root / name / f"{index}.png", pixels(100 * label + index, shape))


def load_root(root, **options):
    cache = str(root.parent / "cache")
    return load(
        DataOptions(source="folder", path=str(root), cache_dir=cache, **options)
    )


def test_class_folders_alone(tmp_path):
    root = tmp_path / "pets"
    write_classes(root)
    (root / ".thumbnails").mkdir()
    (root / "readme.txt").write_text("not a class")
    (root / "cat" / "notes.txt").write_text("not an image")
    data = load_root(root)
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert data.input_shape == (5, 6, 3)
    assert len(data.train) + len(data.valid) + len(data.test) == 12
    want = {bytes(pixels(100 * k + i)): k for k in range(2) for i in range(6)}
    for split in (data.train, data.valid, data.test):
        for image, label in zip(split.inputs, split.targets, strict=True):
            assert want[bytes(image)] == label


def test_named_splits(tmp_path):
    root = tmp_path / "pets"
    write_classes(root / "train")
    write_classes(root / "valid", num=3)
    write_classes(root / "test", num=2, classes=("dog",))
    write(root / "train" / "cat" / "photo.JPG", np.full((5, 6, 3), 90, np.uint8))
    data = load_root(root)
    assert (len(data.train), len(data.valid), len(data.test)) == (13, 6, 2)
    assert data.class_names == ("cat", "dog")
    np.testing.assert_array_equal(data.test.targets, [1, 1])
    grey = (np.abs(data.train.inputs.astype(int) - 90) < 3).all((1, 2, 3))
    assert grey.sum() == 1


def test_grey_images_have_one_channel_unless_any_has_colour(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, shape=(5, 6))
    assert load_root(root).input_shape == (5, 6, 1)
    write(root / "dog" / "colour.png", pixels(7))
    data = load_root(root)
    assert data.input_shape == (5, 6, 3)
    images = np.concatenate([data.train.inputs, data.valid.inputs, data.test.inputs])
    assert (np.ptp(images, axis=3) == 0).all((1, 2)).sum() == 12


def test_large_images_are_decoded_on_threads_alike(tmp_path):
    root = tmp_path / "large"
    write_classes(root, num=70, shape=(100, 100))
    data = load_root(root)
    assert data.input_shape == (100, 100, 1)
    want = {bytes(pixels(100 * k + i, (100, 100))) for k in range(2) for i in range(70)}
    got = np.concatenate([data.train.inputs, data.valid.inputs, data.test.inputs])
    assert {bytes(image) for image in got} == want
    write(root / "dog" / "small.png", pixels(0, (99, 100)))
    with pytest.raises(ValueError, match=r"small.png: image is \[99, 100, 1\], but"):
        load_root(root)


def test_second_load_reads_the_kept_copy(tmp_path):
    root = tmp_path / "pets"
    write_classes(root)
    first = load_root(root)
    path = root / "cat" / "0.png"
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # The image can no longer be decoded, yet size and time say that it is unchanged.
    second = load_root(root)
    np.testing.assert_array_equal(first.train.inputs, second.train.inputs)
    np.testing.assert_array_equal(first.train.targets, second.train.targets)
    assert first.class_names == second.class_names
    os.utime(path)
    with pytest.raises(ValueError, match="0.png: not a readable image"):
        load_root(root)


def test_unreadable_images(tmp_path):
    root = tmp_path / "pets"
    write_classes(root)
    path = root / "dog" / "3.png"
    whole = path.read_bytes()
    for content in (b"", b"no image", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="3.png: not a readable image"):
            load_root(root)
    path.unlink()
    Image.fromarray(np.zeros((5, 6), np.uint16)).save(path)
    with pytest.raises(ValueError, match="3.png: got pixels of Pillow's mode I;16"):
        load_root(root)


def test_wrong_folders(tmp_path):
    root = tmp_path / "pets"
    with pytest.raises(FileNotFoundError, match="pets is missing: set path"):
        load_root(root)
    root.mkdir()
    with pytest.raises(FileNotFoundError, match="pets holds no class folder"):
        load_root(root)
    (root / "train").mkdir()
    with pytest.raises(FileNotFoundError, match="train holds no class folder"):
        load_root(root)
    write_classes(root / "train")
    write_classes(root / "valid", classes=("cat", "cow"))
    with pytest.raises(ValueError, match="valid/cow: no class of this name in train"):
        load_root(root)
    (root / "valid").rename(root / "val")
    with pytest.raises(ValueError, match="val: unknown folder beside train"):
        load_root(root)
    (root / "val").rename(tmp_path / "away")
    (root / "train" / "bird").mkdir()
    with pytest.raises(ValueError, match="train/bird: no .png or .jpg file"):
        load_root(root)
    (root / "train" / "bird").rmdir()
    (root / "test" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match="test: no .png or .jpg file"):
        load_root(root)


def test_image_of_another_size_is_named(tmp_path):
    root = tmp_path / "pets"
    write_classes(root)
    write(root / "dog" / "wide.png", pixels(0, (5, 7, 3)))
    with pytest.raises(
        ValueError, match=r"wide.png: image is \[5, 7, 3\], but .*0.png"
    ):
        load_root(root)
