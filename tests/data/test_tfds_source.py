import io
import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from qnas_jax.data import DataOptions, load
from qnas_jax.errors import UserError


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    stream.seek(0)
    return stream


def image_of(split, index, shape=(6, 5, 3)):
    rng = np.random.default_rng([len(split), index])
    return rng.integers(0, 256, shape, dtype=np.uint8)


def write_set(root, features, examples):
    """Writes a prepared set `mine` of version 1.0.0 by TFDS's own writer."""
    folder = root / "mine" / "1.0.0"
    folder.mkdir(parents=True)
    identity = tfds.core.dataset_info.DatasetIdentity(
        name="mine",
        version=tfds.core.Version("1.0.0"),
        data_dir=str(folder),
        module_name="mine",
    )
    info = tfds.core.DatasetInfo(
        builder=identity, features=tfds.features.FeaturesDict(features)
    )
    writer = tfds.core.SequentialWriter(
        info, max_examples_per_shard=1000, file_format="array_record"
    )
    writer.initialize_splits(list(examples))
    writer.add_examples(examples)
    writer.close_all()
    return folder


def image_features(**changes):
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": tfds.features.ClassLabel(names=["cat", "dog"]),
    }
    return {**features, **changes}


def image_examples(**sizes):
    return {
        split: [
            {"image": png(image_of(split, index)), "label": index % 2}
            for index in range(num)
        ]
        for split, num in sizes.items()
    }


def load_mine(root, **options):
    return load(
        DataOptions(
            source="tfds",
            name="mine",
            data_dir=str(root),
            cache_dir=str(root / "cache"),
            **options,
        )
    )


@pytest.mark.parametrize("inside", ["", "tfds"])
def test_a_prepared_set_in_either_folder(tmp_path, inside):
    examples = image_examples(train=20, test=8)
    write_set(tmp_path / inside, image_features(), examples)
    data = load_mine(tmp_path)
    assert data.name == "mine"
    assert data.class_names == ("cat", "dog")
    assert (len(data.train), len(data.valid), len(data.test)) == (16, 4, 8)
    want = {bytes(image_of("test", index)): index % 2 for index in range(8)}
    for image, label in zip(data.test.inputs, data.test.targets, strict=True):
        assert want.pop(bytes(image)) == label
    assert not want


@pytest.mark.parametrize("name", ["validation", "val"])
def test_own_validation_split_and_no_test_split(tmp_path, name, caplog):
    examples = image_examples(train=20, extra=3, **{name: 6})
    write_set(tmp_path, image_features(), examples)
    with caplog.at_level("WARNING", logger="absl"):
        data = load_mine(tmp_path)
    assert (len(data.train), len(data.valid), len(data.test)) == (16, 6, 4)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["mine: left out the splits extra"]


def test_two_splits_for_one_are_refused(tmp_path):
    examples = image_examples(train=4, val=2, validation=2)
    write_set(tmp_path, image_features(), examples)
    with pytest.raises(UserError, match="expected one of valid examples"):
        load_mine(tmp_path)


def test_grey_images(tmp_path):
    features = image_features(image=tfds.features.Image(shape=(6, 5, 1)))
    examples = {
        "train": [
            {"image": png(image_of("train", index, (6, 5))), "label": index % 2}
            for index in range(12)
        ]
    }
    write_set(tmp_path, features, examples)
    assert load_mine(tmp_path).input_shape == (6, 5, 1)


def test_kept_copy_survives_where_the_set_cannot_be_decoded(tmp_path):
    folder = write_set(tmp_path, image_features(), image_examples(train=20))
    first = load_mine(tmp_path)
    (shard,) = folder.glob("mine-train*")
    status = shard.stat()
    shard.write_bytes(b"x" * status.st_size)
    with pytest.raises(ValueError, match="mine/1.0.0: damaged train files"):
        load_mine(tmp_path)
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(load_mine(tmp_path).train.inputs, first.train.inputs)


def test_damaged_and_incomplete_sets(tmp_path):
    folder = write_set(tmp_path, image_features(), image_examples(train=20))
    (shard,) = folder.glob("mine-train*")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="mine/1.0.0: damaged train files"):
        load_mine(tmp_path)
    shard.unlink()
    with pytest.raises(FileNotFoundError, match="mine-train.* is missing"):
        load_mine(tmp_path)
    (folder / "dataset_info.json").write_text('{"cut')
    with pytest.raises(ValueError, match="'mine' in .* cannot be opened"):
        load_mine(tmp_path)


def test_images_of_different_sizes(tmp_path):
    examples = image_examples(train=20)
    examples["train"][7]["image"] = png(image_of("train", 7, (6, 4, 3)))
    write_set(tmp_path, image_features(), examples)
    with pytest.raises(ValueError, match=r"train image \d+: image is .* resize all"):
        load_mine(tmp_path)
    assert load_mine(tmp_path, image_size=3).train.inputs.shape[1:] == (3, 3, 3)


@pytest.mark.parametrize(
    ("features", "example", "message"),
    [
        (
            {"label": tfds.features.Scalar(np.int64)},
            {"label": 0},
            "expected 'label' of type ClassLabel",
        ),
        (
            {"image": tfds.features.Text()},
            {"image": "a"},
            "expected 'image' of type Image",
        ),
        (
            {"image": tfds.features.Image(shape=(6, 5, 1), dtype=np.uint16)},
            {"image": png(np.zeros((6, 5), np.uint8))},
            "got images .*uint16",
        ),
    ],
)
def test_sets_of_another_kind(tmp_path, features, example, message):
    whole = {"image": png(image_of("train", 0)), "label": 0, **example}
    write_set(tmp_path, image_features(**features), {"train": [whole]})
    with pytest.raises(ValueError, match=message):
        load_mine(tmp_path)


def test_sets_without_a_train_split(tmp_path):
    write_set(tmp_path, image_features(), image_examples(test=4))
    with pytest.raises(ValueError, match=r"got splits \['test'\], expected train"):
        load_mine(tmp_path)


def test_missing_sets_name_the_folder(tmp_path):
    options = {"source": "tfds", "data_dir": str(tmp_path)}
    with pytest.raises(FileNotFoundError, match=f"not prepared in {tmp_path} .*mnist"):
        load(DataOptions(name="mnist", **options))
    with pytest.raises(ValueError, match="'nonesuch' is unknown, expected a name"):
        load(DataOptions(name="nonesuch", **options))
    with pytest.raises(ValueError, match="'../up' is unknown"):
        load(DataOptions(name="../up", **options))
