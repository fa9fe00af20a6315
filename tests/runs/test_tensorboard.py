"""Metrics for TensorBoard: which scalars, at which step; the package may be missing."""

import struct

import pytest
from tensorboardX.proto.event_pb2 import Event

from qnas_jax.errors import UserError
from qnas_jax.runs import TensorBoard, WorkFolder


def scalars(folder):
    """(tag, value, step) of all event files, record by record.

    A record is its length (8 bytes), a checksum (4), the event, and a checksum (4).
    """
    found = []
    for file in folder.iterdir():
        data, start = file.read_bytes(), 0
        while start < len(data):
            (length,) = struct.unpack_from("<Q", data, start)
            event = Event.FromString(data[start + 12 : start + 12 + length])
            start += length + 16
            found += [(s.tag, s.simple_value, event.step) for s in event.summary.value]
    return found


def test_numbers_of_rows_are_scalars(tmp_path):
    folder, events = WorkFolder(tmp_path), TensorBoard(tmp_path / "events")
    folder.writers.append(events.write)
    assert not (tmp_path / "events").exists()
    folder.log("supernet", epoch=2, loss=0.5, why="no", missing=None)
    folder.log("retrain", network="winner", epoch=1, step=7, valid_accuracy=0.25)
    folder.log("search", generation=4, best=0.75, archs=[1, 2])
    events._writer.close()
    assert scalars(tmp_path / "events") == [
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
