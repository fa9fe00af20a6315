import numpy as np
import pytest

from qnas_jax.data import Split
from qnas_jax.data.cache import cached, file_identity
from qnas_jax.data.dataset import SourceSplits


def make_splits(value, with_test=True):
    rng = np.random.default_rng(value)
    images = rng.integers(0, 256, (4, 2, 2, 3), dtype=np.uint8)
    split = Split(images, np.array([0, 1, 1, 0], np.int32))
    return SourceSplits("set", split, None, split if with_test else None, ("ä", "b"))


class Decoder:
    """Counts how often it is asked."""

    def __init__(self, splits):
        self.splits = splits
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.splits


def assert_same(got, want):
    assert got.class_names == want.class_names
    assert got.present().keys() == want.present().keys()
    for name, split in want.present().items():
        np.testing.assert_array_equal(got.present()[name].inputs, split.inputs)
        np.testing.assert_array_equal(got.present()[name].targets, split.targets)


@pytest.mark.parametrize("with_test", [True, False])
def test_decoded_once_for_each_identity(tmp_path, with_test):
    decoder = Decoder(make_splits(0, with_test))
    for _ in range(3):
        assert_same(cached(tmp_path / "new", "set", ["a"], decoder), decoder.splits)
    assert decoder.calls == 1
    cached(tmp_path / "new", "set", ["b"], decoder)
    assert decoder.calls == 2
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_damaged_copies_are_rewritten(tmp_path):
    decoder = Decoder(make_splits(0))
    cached(tmp_path, "set", [], decoder)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(decoder.splits.train.inputs.tobytes())] ^= 1
    for content in (b"", b"text", whole[:-100], bytes(flipped)):
        path.write_bytes(content)
        calls = decoder.calls
        assert_same(cached(tmp_path, "set", [], decoder), decoder.splits)
        assert decoder.calls == calls + 1
        assert path.read_bytes() == whole
    np.savez(path, x_train=np.zeros(3))
    assert_same(cached(tmp_path, "set", [], decoder), decoder.splits)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    decoder = Decoder(make_splits(0))
    assert_same(cached(tmp_path / "file", "set", [], decoder), decoder.splits)


def test_names_with_slashes_stay_in_the_folder(tmp_path):
    cached(tmp_path, "../a b/c", [], Decoder(make_splits(0)))
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".npz"


def test_identity_follows_content_and_place(tmp_path):
    path = tmp_path / "a"
    path.write_text("1")
    first = file_identity(path)
    assert first == file_identity(path)
    path.write_text("22")
    second = file_identity(path)
    path.rename(tmp_path / "b")
    assert len({first, second, file_identity(tmp_path / "b")}) == 3
