"""A published split: the examples it names, whatever order the source has them in."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from qnas_jax.data import DataOptions, load, tfds_source
from qnas_jax.errors import UserError
from tests.data.test_tfds_source import image_features, image_of, png, write_set


@pytest.fixture
def own(tmp_path):
    """Twenty training images whose first pixel is their number, and four for tests."""
    images = np.zeros((20, 4, 4, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(20)
    labels = np.arange(20) % 2
    np.savez(
        tmp_path / "own.npz",
        x_train=images,
        y_train=labels,
        x_test=images[:4],
        y_test=labels[:4],
    )

    def load_split(train, valid, **options):
        file = tmp_path / "split.npz"
        np.savez(file, train=np.asarray(train), valid=np.asarray(valid))
        path = str(tmp_path / "own.npz")
        return load(
            DataOptions(
                **{"source": "npz", "path": path, "split_file": str(file)} | options
            )
        )

    return load_split


def numbers(split):
    return sorted(split.inputs[:, 0, 0, 0].tolist())


def test_the_file_says_who_learns_and_who_validates(own, caplog):
    data = own([3, 2, 19, 8], [0, 1, 7])
    assert numbers(data.train) == [2, 3, 8, 19] and numbers(data.valid) == [0, 1, 7]
    np.testing.assert_array_equal(data.train.targets, data.train.inputs[:, 0, 0, 0] % 2)
    assert numbers(data.test) == [0, 1, 2, 3]
    assert "split.npz leaves out 13 of 20 training examples" in caplog.text
    assert len(own(range(10), range(10, 20), max_train=4).train) == 4


def test_a_split_below_the_folder_of_data(own, tmp_path, monkeypatch):
    own(range(10), range(10, 20))
    monkeypatch.setenv("QNAS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir("/")
    data = own(range(12), range(12, 20), split_file="split.npz")
    assert (len(data.train), len(data.valid)) == (12, 8)


@pytest.mark.parametrize(
    ("train", "valid", "message"),
    [
        ([0, 1], [1, 2], "got position 1 twice, expected each once"),
        ([0, 20], [1], r"got position 20 in train, expected 0\.\.19"),
        ([0], [-1], r"got position -1 in valid, expected 0\.\.19"),
        ([0.5], [1], r"got train float64 \[1\], expected whole numbers"),
        ([[0, 1]], [2], r"got train int64 \[1, 2\], expected whole numbers"),
        (np.zeros(0, int), [2], r"got train int64 \[0\], expected whole numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(own, train, valid, message):
    with pytest.raises(UserError, match=rf"split\.npz: {message}") as caught:
        own(train, valid)
    assert "\n" not in str(caught.value)


def test_no_such_file(own, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz: No such file"):
        own([0], [1], split_file=str(tmp_path / "gone.npz"))
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(UserError, match="text.npz: not an npz file of the arr"):
        own([0], [1], split_file=str(tmp_path / "text.npz"))


def test_a_source_with_a_valid_split_is_refused(tmp_path):
    images = np.zeros((4, 2, 2, 1), np.uint8)
    arrays = {f"x_{s}": images for s in ("train", "valid", "test")}
    arrays |= {f"y_{s}": np.array([0, 1, 0, 1]) for s in ("train", "valid", "test")}
    np.savez(tmp_path / "own.npz", **arrays)
    options = DataOptions(
        source="npz", path=str(tmp_path / "own.npz"), split_file="split.npz"
    )
    with pytest.raises(UserError, match="split_file: own has a valid split of its own"):
        load(options)


def shuffled_set(folder, ids):
    """A prepared set whose image `i` has the id `ids[i]`."""
    features = image_features(id=tfds.features.Text())
    examples = {
        split: [
            {"image": png(image_of(split, i)), "label": i % 2, "id": name}
            for i, name in enumerate(names)
        ]
        for split, names in {"train": ids, "test": ["test_0", "test_1"]}.items()
    }
    write_set(folder, features, examples)
    np.savez(folder / "split.npz", train=np.array([1, 4, 5]), valid=np.array([0, 2]))
    return DataOptions(
        source="tfds",
        name="mine",
        data_dir=str(folder),
        cache_dir=str(folder / "cache"),
        split_file="split.npz",
    )


def test_positions_are_those_of_the_original_files(tmp_path):
    order = [4, 1, 5, 2, 0, 3]
    data = load(shuffled_set(tmp_path, [f"train_{i:05d}" for i in order]))
    wanted = {bytes(image_of("train", order.index(i))) for i in (1, 4, 5)}
    assert {bytes(image) for image in data.train.inputs} == wanted
    wanted = {bytes(image_of("train", order.index(i))) for i in (0, 2)}
    assert {bytes(image) for image in data.valid.inputs} == wanted


@pytest.mark.parametrize("ids", [["a", "b"] * 3, [f"train_{i}" for i in range(1, 7)]])
def test_a_set_that_does_not_count_its_examples_is_refused(tmp_path, ids):
    with pytest.raises(UserError, match="split_file: TFDS set 'mine' has no ids"):
        load(shuffled_set(tmp_path, ids))


def test_the_split_of_nas_bench_201(data_dir, monkeypatch):
    options = DataOptions(
        source="tfds",
        name="cifar10",
        data_dir=str(data_dir),
        split_file="cifar10_splits/nas_bench_201.npz",
    )
    read, kept = tfds_source._read_examples, []

    def keep(*arguments):
        kept.extend(read(*arguments))
        return kept

    monkeypatch.setattr(tfds_source, "_read_examples", keep)
    positions = tfds_source.tfds_positions(options)
    labels = np.array([example["label"] for example in kept])
    # The first labels of data_batch_1 of the original files.
    original = labels[np.argsort(positions)]
    assert original[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    with np.load(options.split_path()) as split:
        assert len(split["train"]) == len(split["valid"]) == 25_000
        assert sorted([*split["train"], *split["valid"]]) == list(range(50_000))
        # Drawn at random: every class within four standard deviations of its half.
        counts = np.bincount(original[split["train"]])
    assert np.abs(counts - 2500).max() < 4 * np.sqrt(5000 / 4)
