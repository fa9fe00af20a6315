import os

import numpy as np
import pytest
from PIL import Image

from qnas_jax.data import DataOptions, load
from qnas_jax.data.sources import SOURCES
from qnas_jax.errors import UserError


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


def source_of(root):
    cache = str(root.parent / "cache")
    options = DataOptions(source="folder", path=str(root), cache_dir=cache)
    return SOURCES["folder"].load(options)


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
    for suffix, depth in ((".png", np.uint16), (".tif", np.float32)):
        deep = path.with_suffix(suffix)
        Image.fromarray(np.zeros((5, 6), depth)).save(deep)
        with pytest.raises(ValueError, match=rf"3{suffix}: got pixels of .* as 8 bits"):
            load_root(root)
        deep.unlink()


def test_wrong_folders(tmp_path):
    root = tmp_path / "pets"
    with pytest.raises(FileNotFoundError, match="pets is missing: set data.path"):
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
    (root / "valid").rename(root / "vallid")
    with pytest.raises(ValueError, match="vallid: unknown folder beside train"):
        load_root(root)
    (root / "vallid").rename(tmp_path / "away")
    (root / "train" / "bird").mkdir()
    with pytest.raises(ValueError, match="train/bird: no image that Pillow reads"):
        load_root(root)
    (root / "train" / "bird").rmdir()
    (root / "test" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match="test: no image that Pillow reads"):
        load_root(root)
    (root / "Validation").mkdir()
    (root / "val").mkdir()
    with pytest.raises(ValueError, match="val: got it and Validation, expected one"):
        load_root(root)
    (root / "train").rename(tmp_path / "trained")
    with pytest.raises(ValueError, match="got this folder and no train, expected tra"):
        load_root(root)
    (tmp_path / "one" / "photos" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"one class folder \(photos\), expected at"):
        load_root(tmp_path / "one")
    with pytest.raises(FileNotFoundError, match=r"cat/0.png is missing: set data.path"):
        load_root(tmp_path / "trained" / "cat" / "0.png")


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    root = tmp_path / "pets"
    write_classes(root)
    (root / "dog" / "gone.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="gone.png: No such file or directory"):
        load_root(root)
    (root / "dog" / "gone.png").unlink()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(root), "iterdir", refuse)
    with pytest.raises(UserError, match="pets: Permission denied"):
        load_root(root)


def test_image_of_another_size_is_named(tmp_path):
    root = tmp_path / "pets"
    write_classes(root)
    write(root / "dog" / "wide.png", pixels(0, (5, 7, 3)))
    with pytest.raises(
        ValueError, match=r"wide.png: image is \[5, 7, 3\], but .*0.png"
    ):
        load_root(root)


def test_images_below_a_class_folder_are_of_that_class(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, num=2)
    write(root / "dog" / "monday" / "early" / "7.png", pixels(7))
    (root / "dog" / "again").symlink_to(root / "dog")  # a circle
    (tmp_path / "more").mkdir()
    write(tmp_path / "more" / "8.png", pixels(8))
    (root / "cat" / "linked").symlink_to(tmp_path / "more")
    source = source_of(root)
    np.testing.assert_array_equal(source.train.targets, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(source.train.inputs[2], pixels(8))
    np.testing.assert_array_equal(source.train.inputs[5], pixels(7))
    assert source.notes == ()


def test_a_split_within_a_class_is_refused(tmp_path):
    root = tmp_path / "pets"
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            write(root / name / split / "0.png", pixels(0))
    with pytest.raises(UserError, match=r"got a split within a class, expected class"):
        source_of(root)


def test_every_format_that_pillow_decodes(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, num=1, shape=(8, 8, 3))
    suffixes = ("webp", "bmp", "tif", "tiff", "gif", "jfif", "jpe", "ppm", "JPEG")
    for suffix in suffixes:
        write(root / "dog" / f"a.{suffix}", np.full((8, 8, 3), 200, np.uint8))
    source = source_of(root)
    assert source.train.targets.sum() == 1 + len(suffixes)
    np.testing.assert_allclose(source.train.inputs[2:], 200, atol=3)


def test_what_is_left_out_is_told_in_a_line(tmp_path, caplog):
    root = tmp_path / "pets"
    write_classes(root / "train", num=4)
    write_classes(root / "test", num=1, classes=("dog",))
    for index in range(5):
        (root / "train" / "cat" / f"{index}.heic").write_bytes(b"")
    (root / "labels.csv").write_text("")
    write(root / "train" / "stray.png", pixels(0))
    write(root / "train" / ".old" / "1.png", pixels(0))
    (root / "train" / ".DS_Store").write_text("")
    with caplog.at_level("WARNING", logger="absl"):
        load_root(root)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "pets: left out files that Pillow does not read as images: 6 (labels.csv, "
        "train/cat/0.heic, train/cat/1.heic, ...); images in no class folder: 1 "
        "(train/stray.png); images whose name begins with a dot: 1 (train/.old/1.png)",
        "pets: test has no example of 1 of 2 classes (cat)",
    ]


def test_images_are_upright(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, num=1, shape=(8, 6))
    lying = Image.fromarray(np.rot90(pixels(3, (8, 6))))
    exif = lying.getexif()
    exif[0x0112] = 6  # turn it by 90 degrees to the right
    lying.save(root / "dog" / "lying.png", exif=exif)
    source = source_of(root)
    np.testing.assert_array_equal(source.train.inputs[2, ..., 0], pixels(3, (8, 6)))


def test_transparent_pixels_are_white_and_told(tmp_path):
    root = tmp_path / "icons"
    write_classes(root, num=1, shape=(4, 4))
    glyph = np.zeros((4, 4, 2), np.uint8)  # black, but only where it is opaque
    glyph[1, 1:3, 1] = 255
    glyph[2, 2, 1] = 51
    write(root / "dog" / "glyph.png", glyph)
    glyph[..., 0] = 255
    write(root / "dog" / "white.png", glyph)
    opaque = np.stack([pixels(4, (4, 4)), np.full((4, 4), 255, np.uint8)], axis=-1)
    write(root / "dog" / "opaque.png", opaque)
    for _ in range(2):  # the second time from the kept copy
        source = source_of(root)
        shown = source.train.inputs[..., 0]
        want = np.full((4, 4), 255)
        want[1, 1:3], want[2, 2] = 0, 204
        np.testing.assert_array_equal(shown[2], want)
        np.testing.assert_array_equal(shown[3], opaque[..., 0])
        assert (shown[4] == 255).all()
        transparent, blank = source.notes
        assert transparent.startswith("2 of 5 images have transparent pixels, which ")
        assert transparent.endswith("dog/glyph.png")
        assert blank.startswith("1 of 5 images are blank on white")


def test_frames_and_depths_that_are_dropped_are_told(tmp_path):
    root = tmp_path / "scans"
    write_classes(root, num=1, shape=(4, 4))
    frames = [Image.fromarray(pixels(seed, (4, 4))) for seed in range(3)]
    frames[0].save(root / "dog" / "s.tif", save_all=True, append_images=frames[1:])
    deep = b"P6 4 4 65535\n" + np.arange(48, dtype=">u2").tobytes()
    (root / "dog" / "z.ppm").write_bytes(deep)
    plain = " ".join(map(str, range(300, 348)))
    (root / "dog" / "z_plain.ppm").write_text(f"P3 4 4 1023\n{plain}\n")
    (root / "dog" / "z_bits.pbm").write_text("P1 4 4\n" + "1 0 " * 8)
    source = source_of(root)
    np.testing.assert_array_equal(source.train.inputs[2, ..., 0], pixels(0, (4, 4)))
    deep, several = source.notes
    assert deep.startswith("2 of 6 images have more than 8 bits a channel, of")
    assert several.startswith("1 of 6 images have several frames, of which the first")


def test_damaged_exif_data_do_not_cost_the_image(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, num=1)
    Image.fromarray(pixels(2)).save(
        root / "dog" / "odd.png", exif=b"Exif\0\0II*\0\xff\xff"
    )
    source = source_of(root)
    np.testing.assert_array_equal(source.train.inputs[2], pixels(2))
    (note,) = source.notes
    assert note.startswith("1 of 3 images have damaged EXIF data")


def test_a_link_in_another_class_is_another_label(tmp_path):
    for index in range(8):
        write(tmp_path / "pool" / f"{index}.png", pixels(index))
    root = tmp_path / "photos"
    for index in range(8):
        link = root / ("cat" if index < 6 else "dog") / f"{index}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / "pool" / link.name)
    assert np.bincount(source_of(root).train.targets).tolist() == [6, 2]
    for index in (4, 5):
        (root / "cat" / f"{index}.png").rename(root / "dog" / f"{index}.png")
    assert np.bincount(source_of(root).train.targets).tolist() == [4, 4]
    (root / "train").mkdir()
    for name in ("cat", "dog"):
        (root / name).rename(root / "train" / name)
    (root / "test" / "dog").mkdir(parents=True)
    moved = root / "train" / "dog" / "7.png"
    moved.rename(root / "test" / "dog" / "7.png")
    source = source_of(root)
    assert (len(source.train), len(source.test)) == (7, 1)


def test_files_that_change_places_are_read_again(tmp_path):
    root = tmp_path / "pets"
    write_classes(root, num=2)
    first, second = (root / name / "0.png" for name in ("cat", "dog"))
    second.write_bytes(second.read_bytes().ljust(first.stat().st_size, b"\0"))
    first.write_bytes(first.read_bytes().ljust(second.stat().st_size, b"\0"))
    for path in (first, second):
        os.utime(path, ns=(0, 0))
    before = source_of(root).train.inputs
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    after = source_of(root).train.inputs
    np.testing.assert_array_equal(after, before[[2, 1, 0, 3]])


def test_names_of_any_bytes(tmp_path):
    root = tmp_path / "photos"
    write_classes(root, classes=("dog",))
    odd = root / os.fsdecode(b"caf\xe9")
    write(odd / os.fsdecode(b"1\xff\n2.png"), pixels(0))
    for _ in range(2):  # the second time from the kept copy
        assert source_of(root).class_names == ("caf\\xe9", "dog")
    (odd / "3.png").write_bytes(b"")
    with pytest.raises(UserError, match="3.png: not a readable image"):
        source_of(root)
