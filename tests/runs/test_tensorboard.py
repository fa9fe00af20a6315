"""Metrics for TensorBoard: which scalars, at which step; the package may be missing."""

import sys
from types import ModuleType

import pytest

from qnas_jax.errors import UserError
from qnas_jax.runs import TensorBoard, WorkFolder


@pytest.fixture
def written(monkeypatch):
    """Stands for the package; what it was told to write."""
    scalars = []

    class SummaryWriter:
        def __init__(self, folder, flush_secs):
            scalars.append(folder)

        def add_scalar(self, tag, value, step):
            scalars.append((tag, value, step))

    module = ModuleType("tensorboardX")
    module.SummaryWriter = SummaryWriter
    module.__spec__ = object()
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    return scalars


def test_numbers_of_rows_are_scalars(tmp_path, written):
    folder = WorkFolder(tmp_path)
    folder.writers.append(TensorBoard(tmp_path / "events").write)
    assert written == []
    folder.log("supernet", epoch=2, loss=0.5, why="no", missing=None)
    folder.log("retrain", network="winner", epoch=1, step=7, valid_accuracy=0.25)
    folder.log("search", generation=4, best=0.75, archs=[1, 2])
    assert written == [
        str(tmp_path / "events"),
        ("supernet/loss", 0.5, 2),
        ("retrain/winner/step", 7, 1),
        ("retrain/winner/valid_accuracy", 0.25, 1),
        ("search/best", 0.75, 4),
    ]
    assert len(folder.metrics.read()) == 3


def test_a_package_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="tensorboardX is not installed; install it by"):
        TensorBoard(tmp_path)


def test_real_event_files(tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra tensorboard")
    events = TensorBoard(tmp_path / "events")
    events.write("supernet", {"epoch": 1, "loss": 0.5})
    events._writer.close()
    (file,) = (tmp_path / "events").iterdir()
    assert b"supernet/loss" in file.read_bytes()
