import numpy as np
import pytest

from qnas_jax.data import DataOptions, load, pixel_statistics, tfds_source


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("datasets"))


def all_labels(data):
    return np.concatenate([data.train.targets, data.valid.targets, data.test.targets])


def test_digits():
    data = load(DataOptions())
    labels = all_labels(data)
    assert len(labels) == 1797
    # Counts of the UCI file's documentation (optdigits, test part).
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    np.testing.assert_array_equal(np.bincount(labels), counts)
    assert (len(data.train), len(data.valid), len(data.test)) == (1150, 288, 359)
    assert data.input_shape == (8, 8, 1)
    assert data.train.inputs.max() == 255 and data.train.inputs.min() == 0
    assert len(np.unique(data.train.inputs)) == 17


@pytest.mark.parametrize(
    ("source", "mean", "std"),
    [("mnist", 0.1307, 0.3081), ("fashion_mnist", 0.2860, 0.3530)],
)
def test_mnist_and_fashion_mnist(data_dir, source, mean, std):
    data = load(DataOptions(source=source, data_dir=str(data_dir)))
    assert (len(data.train), len(data.valid), len(data.test)) == (
        48_000,
        12_000,
        10_000,
    )
    assert data.input_shape == (28, 28, 1)
    statistics = pixel_statistics(data.train.inputs)
    np.testing.assert_allclose(np.ravel(statistics), [mean, std], atol=2e-3)
    train_counts = np.bincount(np.r_[data.train.targets, data.valid.targets])
    test_counts = np.bincount(data.test.targets)
    if source == "fashion_mnist":
        np.testing.assert_array_equal(train_counts, [6_000] * 10)
        np.testing.assert_array_equal(test_counts, [1_000] * 10)
        np.testing.assert_array_equal(np.bincount(data.valid.targets), [1_200] * 10)
    else:
        official = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        np.testing.assert_array_equal(train_counts, official)
        official = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        np.testing.assert_array_equal(test_counts, official)


def test_cifar10(data_dir, cache_dir, monkeypatch):
    """All labels, and the pixels of every tenth image: decoding all takes a while."""
    read, labels = tfds_source._read_examples, {}

    def every_tenth(builder, name, split):
        examples = read(builder, name, split)
        labels[split] = np.array([example["label"] for example in examples])
        kept = np.concatenate(
            [np.flatnonzero(labels[split] == label)[::10] for label in range(10)]
        )
        return [examples[place] for place in kept]

    monkeypatch.setattr(tfds_source, "_read_examples", every_tenth)
    options = {
        "source": "tfds",
        "name": "cifar10",
        "data_dir": str(data_dir),
        "cache_dir": cache_dir,
    }
    data = load(DataOptions(**options))
    np.testing.assert_array_equal(np.bincount(labels["train"]), [5_000] * 10)
    np.testing.assert_array_equal(np.bincount(labels["test"]), [1_000] * 10)
    assert (len(data.train), len(data.valid), len(data.test)) == (4_000, 1_000, 1_000)
    assert data.input_shape == (32, 32, 3)
    assert data.class_names[:2] == ("airplane", "automobile")
    np.testing.assert_array_equal(np.bincount(data.valid.targets), [100] * 10)
    np.testing.assert_array_equal(np.bincount(data.test.targets), [100] * 10)
    images = np.concatenate([data.train.inputs, data.valid.inputs])
    mean, std = pixel_statistics(images)
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=5e-3)
    np.testing.assert_allclose(std, [0.2470, 0.2435, 0.2616], atol=5e-3)
    small = load(DataOptions(**options, max_train=500, max_valid=100, max_test=200))
    np.testing.assert_array_equal(np.bincount(small.train.targets), [50] * 10)
    assert (len(small.valid), len(small.test)) == (100, 200)
    whole = {bytes(image) for image in data.train.inputs}
    assert all(bytes(image) in whole for image in small.train.inputs)
