import pathlib

import pytest

from qnas_jax.data import DataOptions
from qnas_jax.options import OptionError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "imagenet"}, "source: got 'imagenet', allowed: one of digits, "),
        ({"source": "tfds"}, "name: got '', allowed: a TFDS name"),
        ({"source": "npz"}, "path: got '', allowed: a .npz file"),
        ({"source": "folder"}, "path: got '', allowed: an image folder"),
        (
            {"valid_fraction": 0.0},
            "valid_fraction: got 0.0, allowed: float > 0 and < 1",
        ),
        ({"valid_fraction": 1.0}, "valid_fraction: got 1.0"),
        ({"test_fraction": -0.1}, "test_fraction: got -0.1"),
        ({"max_train": -1}, "max_train: got -1, allowed: int >= 0"),
        ({"split_seed": 1.5}, "split_seed: got 1.5"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(OptionError) as caught:
        DataOptions(**values)
    assert str(caught.value).startswith(message)


def test_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("QNAS_DATA_DIR", raising=False)
    assert DataOptions().data_root() is None
    monkeypatch.setenv("QNAS_DATA_DIR", str(tmp_path))
    assert DataOptions().data_root() == tmp_path
    (tmp_path / "mine").mkdir()
    mine = str(tmp_path / "mine")
    assert DataOptions(data_dir=mine).data_root() == tmp_path / "mine"
    with pytest.raises(FileNotFoundError, match="gone is missing: set data.data_dir"):
        DataOptions(data_dir=str(tmp_path / "gone")).data_root()


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert DataOptions().cache_root() == pathlib.Path("/caches/qnas_jax/datasets")
    assert DataOptions(cache_dir="/mine").cache_root() == pathlib.Path("/mine")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    want = pathlib.Path("/home/me/.cache/qnas_jax/datasets")
    assert DataOptions().cache_root() == want
