"""What is kept of a search is used only where it belongs."""

import functools

import jax
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.jobs.nas.progress import KeptProgress, Progress
from qnas_jax.runs import RowLog
from qnas_jax.searching import host_search, start

KEY = jax.random.key(0)


@pytest.fixture
def strategy():
    return made("qbit", (3, 2), 4, 5)


@pytest.fixture
def kept(tmp_path, strategy):
    """Progress after two generations, and a file that has it."""

    def score(key, archs):
        return archs, archs.sum(axis=1).astype(np.float32)

    *_, step = host_search(strategy, score, KEY, 2)
    known = Progress(step.after, np.ones((2, 2, 3), np.float32))
    log = RowLog(tmp_path / "rows.jsonl")
    log.append({"row": number} for number in range(6))
    file = KeptProgress(
        tmp_path / "progress.npz", lambda: start(strategy, KEY), {"": log}
    )
    file.write(known)
    return file, known, log


def test_what_is_kept_comes_back(kept):
    file, known, log = kept
    found = file.read()
    assert found.generation == 2
    jax.tree.map(np.testing.assert_array_equal, found, known)
    log.append([{"row": 6}])
    assert file.read() is not None  # evaluations that came after it
    file.remove()
    assert file.read() is None


def test_another_history_is_replayed(kept):
    file, _, log = kept
    log.keep("", 5)
    assert file.read() is None
    log.append([{"row": 7}])
    assert file.read() is None


def test_the_state_of_another_strategy_is_not_used(kept, tmp_path):
    for name, num_ops in (("qudit", (3, 2)), ("qbit", (5, 2))):
        other = made(name, num_ops, 4, 5)
        path, logs = tmp_path / "progress.npz", {"": kept[2]}
        fresh = functools.partial(start, other, KEY)
        assert KeptProgress(path, fresh, logs).read() is None


def test_a_damaged_file_is_no_loss(kept, tmp_path):
    (tmp_path / "progress.npz").write_bytes(b"damaged")
    assert kept[0].read() is None


def test_it_is_kept_now_and_then(kept, monkeypatch):
    now = kept[0]._last
    monkeypatch.setattr("time.monotonic", lambda: now + 19.0)
    assert not kept[0].is_due()
    monkeypatch.setattr("time.monotonic", lambda: now + 20.0)
    assert kept[0].is_due()
