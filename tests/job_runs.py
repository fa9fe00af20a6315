"""Whole jobs in one process: run silently, or killed; and what they have found."""

import contextlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import ml_collections
import numpy as np
import pytest

from qnas_jax.jobs import open_setting, run_stages
from qnas_jax.runs import WorkFolder, read_rows

COMMAND = ["python", "main.py"]


def run_in(
    folder: pathlib.Path,
    config: ml_collections.ConfigDict,
    stage: str = "all",
    stop_after: int = 10**9,
) -> list[str]:
    """Runs a job, silently; returns what it says."""
    calls = itertools.count(1)
    setting = open_setting(
        config,
        WorkFolder(folder),
        should_stop=lambda: next(calls) == stop_after,
        progress=lambda steps, total, description: steps,
        say=lambda line: None,
    )
    return run_stages(setting, stage, COMMAND)


def result_of(folder: pathlib.Path) -> dict[str, Any]:
    """What a run has found, without times and checks."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".jsonl" and name != "rows.jsonl":
            rows = read_rows(path)
            found[name] = [{**row, "seconds": None} for row in rows]
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: arrays[key].tolist() for key in arrays.files}
        elif path.name in ("best_arch.json", "solution.json", "networks.json"):
            found[name] = json.loads(path.read_text())
        elif path.name in ("baselines.json", "result.json", "ranking.json"):
            values = json.loads(path.read_text())
            dropped = ("seconds", "rows", "seal")
            found[name] = {key: values[key] for key in values if key not in dropped}
    return found


class Killed(BaseException):
    """What a process does not survive."""


@contextlib.contextmanager
def killed_after(changes: int) -> Iterator[None]:
    """Lets through a number of changes of names in folders, and nothing after them."""
    left = [changes]
    names = ("replace", "unlink", "rmdir", "mkdir")
    real = {name: getattr(os, name) for name in names}

    def counted(name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if left[0] <= 0:
                raise Killed
            left[0] -= 1
            return real[name](*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(os, name, counted(name))
        yield
