import tracemalloc

import numpy as np
import pytest

from qnas_jax.data import DataOptions, Split
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.splitting import assemble, divide

COUNTS = (100, 50, 10)


def numbered(counts=COUNTS):
    """Listed class by class; the first two pixels of image i encode i."""
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    numbers = np.arange(len(labels))
    images = np.stack([numbers // 256, numbers % 256], 1).astype(np.uint8)
    return Split(images[:, None, :, None], labels)


def numbers_of(split):
    pixels = split.inputs[:, 0, :, 0].astype(int)
    return pixels[:, 0] * 256 + pixels[:, 1]


def source(train=None, valid=None, test=None):
    return SourceSplits("mine", train or numbered(), valid, test, ("a", "b", "c"))


def test_splits_are_copied_once():
    images = np.zeros((300, 64, 64, 3), np.uint8)
    whole = source(Split(images, np.arange(300, dtype=np.int32) % 3))
    tracemalloc.start()
    data = assemble(whole, DataOptions())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data.train) + len(data.valid) + len(data.test) == 300
    assert peak < 1.1 * images.nbytes


def test_divide_by_hand():
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    drawn, rest = divide(labels, 4, np.random.default_rng(0))
    # Shares 2.0, 1.2 and 0.8 of 4: the missing one goes to the class with .8.
    np.testing.assert_array_equal(np.bincount(labels[drawn]), [2, 1, 1])
    assert sorted([*drawn, *rest]) == list(range(10))


@pytest.mark.parametrize("num_drawn", [0, 1, 7, 80, 159, 160])
def test_divide_keeps_the_ratio_in_every_class(num_drawn):
    labels = numbered().targets
    drawn, rest = divide(labels, num_drawn, np.random.default_rng(1))
    assert len(drawn) == num_drawn and len(rest) == 160 - num_drawn
    assert sorted([*drawn, *rest]) == list(range(160))
    counts = np.bincount(labels[drawn], minlength=3)
    assert np.abs(counts - np.array(COUNTS) * num_drawn / 160).max() < 1


def test_divide_draws_every_example_equally_often():
    labels = numbered((6, 4)).targets
    times = np.zeros(10)
    for seed in range(2_000):
        times[divide(labels, 5, np.random.default_rng(seed))[0]] += 1
    # 1,000 expected each; 5 standard deviations of a binomial.
    assert np.abs(times - 1_000).max() < 5 * np.sqrt(2_000 / 4)


def test_held_out_splits_are_disjoint_and_complete():
    data = assemble(source(), DataOptions(valid_fraction=0.25, test_fraction=0.5))
    parts = [numbers_of(split) for split in (data.train, data.valid, data.test)]
    assert [len(part) for part in parts] == [60, 20, 80]
    assert sorted(np.concatenate(parts)) == list(range(160))
    np.testing.assert_array_equal(np.bincount(data.test.targets), [50, 25, 5])
    # Of the 50, 25 and 5 that remain, one quarter within one image.
    valid_counts = np.bincount(data.valid.targets)
    assert np.abs(valid_counts - [12.5, 6.25, 1.25]).max() < 1


def test_same_seed_same_split():
    one, again = (assemble(source(), DataOptions(split_seed=4)) for _ in range(2))
    other = assemble(source(), DataOptions(split_seed=5))
    for name in ("train", "valid", "test"):
        numbers = numbers_of(getattr(one, name))
        np.testing.assert_array_equal(numbers, numbers_of(getattr(again, name)))
        assert set(numbers) != set(numbers_of(getattr(other, name)))


def test_own_splits_are_kept():
    valid, test = numbered((4, 3, 2)), numbered((1, 1, 5))
    data = assemble(source(valid=valid, test=test), DataOptions())
    assert sorted(numbers_of(data.train)) == list(range(160))
    assert sorted(numbers_of(data.valid)) == list(range(9))
    assert sorted(numbers_of(data.test)) == list(range(7))


def test_subsets_are_stratified_and_move_nothing_else():
    full = assemble(source(), DataOptions())
    limited = assemble(source(), DataOptions(max_train=32, max_valid=16, max_test=8))
    np.testing.assert_array_equal(np.bincount(limited.train.targets), [20, 10, 2])
    np.testing.assert_array_equal(np.bincount(limited.valid.targets), [10, 5, 1])
    assert len(limited.test) == 8
    for name in ("train", "valid", "test"):
        part = numbers_of(getattr(limited, name))
        assert set(part) < set(numbers_of(getattr(full, name)))
    only_train = assemble(source(), DataOptions(max_train=32))
    np.testing.assert_array_equal(numbers_of(only_train.valid), numbers_of(full.valid))
    np.testing.assert_array_equal(numbers_of(only_train.test), numbers_of(full.test))


def test_a_limit_above_the_size_takes_all():
    data = assemble(source(), DataOptions(max_train=10_000))
    full = assemble(source(), DataOptions())
    np.testing.assert_array_equal(numbers_of(data.train), numbers_of(full.train))


def test_prefixes_mix_the_classes():
    data = assemble(source(test=numbered()), DataOptions())
    for split in (data.train, data.valid, data.test):
        assert len(set(split.targets[:20])) > 1


def test_examples_without_classes_are_drawn_evenly():
    """By value, the smallest targets would be held out."""
    values = np.arange(400.0)
    split = Split(values[:, None], values)
    data = assemble(SourceSplits("mine", split, None, None, ()), DataOptions())
    parts = [data.train.targets, data.valid.targets, data.test.targets]
    assert [len(part) for part in parts] == [256, 64, 80]
    assert sorted(np.concatenate(parts)) == values.tolist()
    # 5 standard errors of the mean of 64 of 400 uniform values.
    assert abs(parts[1].mean() - 199.5) < 5 * 115 / 8


def test_errors():
    with pytest.raises(ValueError, match="test_fraction 0.001 of 160 examples is"):
        assemble(source(), DataOptions(test_fraction=0.001))
    with pytest.raises(
        ValueError, match=r"class 2 \(c\) has no example .* data.max_train"
    ):
        assemble(source(), DataOptions(max_train=2))
