"""A search that is killed at any moment ends as if it never was."""

import itertools
import os
import shutil

import pytest
from job_runs import Killed, killed_after, result_of, run_in

from qnas_jax.runs import RowLog


@pytest.fixture
def expected(search_config, tmp_path, quick):
    run_in(tmp_path / "whole", search_config)
    return result_of(tmp_path / "whole")


def test_at_any_change_of_its_folder(search_config, tmp_path, expected):
    folder = tmp_path / "killed"
    for changes in itertools.count():
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with killed_after(changes):
                run_in(folder, search_config)
            break
        except Killed:
            pass
        run_in(folder, search_config)
        assert result_of(folder) == expected, changes
    assert changes > 10


def test_within_any_row(search_config, tmp_path, expected, monkeypatch):
    folder, append = tmp_path / "killed", RowLog.append
    left = [0]

    def append_half(log, rows):
        """What a kill in the middle of a write leaves behind."""
        append(log, rows)
        left[0] -= 1
        path = log._path
        if left[0] == 0 and path.stat().st_size:
            os.truncate(path, path.stat().st_size - 7)
            raise Killed

    for rows in itertools.count(1):
        shutil.rmtree(folder, ignore_errors=True)
        left[0] = rows
        with monkeypatch.context() as patch:
            patch.setattr(RowLog, "append", append_half)
            try:
                run_in(folder, search_config)
                break
            except Killed:
                pass
        run_in(folder, search_config)
        assert result_of(folder) == expected, rows
    assert rows > 5
