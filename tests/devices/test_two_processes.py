"""Two processes with two devices each end as one process with one, on real commands."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from job_runs import result_of

_STARTS = 3
ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = """
from qnas_jax.jobs import default_config

def get_config():
    config = default_config()
    config.data.update(max_train=160, max_valid=80, max_test=80)
    config.space.update(name="tiny", file={space!r})
    config.supernet.update(epochs=2, batch_size=32, learning_rate=0.1)
    config.search.update(generations=2, population=4)
    config.scoring.update(calibration_examples=64, score_chunk=32)
    config.retrain.update(epochs=1, batch_size=32, random_picks=0, compare=False)
    config.export.update(onnx=False, latency_seconds=0.01)
    return config
"""
SEARCHES = [
    "--config=configs/benchmark_own_table.py",
    "--config.benchmark.seeds=6",
    "--config.benchmark.budgets=(4.0,10.0)",
]


def run(
    *flags: str, devices: int = 1, temporary: pathlib.Path | None = None
) -> subprocess.Popen:
    """Starts a process; `temporary` is where it puts what it throws away."""
    count = f" --xla_force_host_platform_device_count={devices}"
    environ = {**os.environ, "XLA_FLAGS": os.environ["XLA_FLAGS"] + count}
    if temporary is not None:
        environ["TMPDIR"] = str(temporary)
    return subprocess.Popen(
        [sys.executable, "main.py", *flags],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_both(*flags: str, temporary: pathlib.Path) -> list[str]:
    """Runs two processes; returns what each says at its end.

    The library that carries data between them waits 30 s for each other, which two
    busy cores may take: such a start is tried again.
    """
    for _ in range(_STARTS):
        both = _start_both(*flags, temporary=temporary)
        said = [process.communicate(timeout=900) for process in both]
        if not any("Gloo context initialization failed" in error for _, error in said):
            break
    assert [process.returncode for process in both] == [0, 0], said
    return [out for out, _ in said]


def _start_both(*flags: str, temporary: pathlib.Path) -> list[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        coordinator = f"--coordinator=127.0.0.1:{free.getsockname()[1]}"
    flags = (*flags, coordinator, "--num_processes=2")
    return [
        run(*flags, f"--process_id={own}", devices=2, temporary=temporary)
        for own in range(2)
    ]


def run_alone(*flags: str) -> str:
    process = run(*flags)
    out, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    return out


def _without_times(said: str) -> list[str]:
    """Lines of ours, for any folder; the library that carries data says its own."""
    lines = [line for line in said.splitlines() if not line.startswith("[Gloo]")]
    return [re.sub(r"[\d.]+ s,|/\w+/rows.jsonl", "", line) for line in lines]


@pytest.mark.slow
def test_searches_are_divided_and_only_the_first_process_speaks(tmp_path):
    alone = run_alone(*SEARCHES, f"--workdir={tmp_path / 'one'}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    flags = [*SEARCHES, f"--workdir={tmp_path / 'two'}"]
    first, second = run_both(*flags, temporary=temporary)
    assert result_of(tmp_path / "two") == result_of(tmp_path / "one")
    assert _without_times(first) == _without_times(alone)
    assert not _without_times(second)
    assert not list(temporary.glob("qnas_jax-*"))


@pytest.mark.slow
def test_a_whole_job_is_computed_by_both(tmp_path, space_file):
    config = tmp_path / "config.py"
    config.write_text(NETWORKS.format(space=str(space_file)))
    flags = [f"--config={config}"]
    one, two = tmp_path / "one", tmp_path / "two"
    run_both(*flags, f"--workdir={two}", temporary=tmp_path)
    run_alone(*flags, f"--workdir={one}")
    losses = [
        [
            json.loads(row)["loss"]
            for row in (folder / "metrics.jsonl").read_text().splitlines()
            if "loss" in json.loads(row)
        ]
        for folder in (one, two)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    found = [result_of(folder)["best_arch.json"] for folder in (one, two)]
    assert found[0]["arch"] == found[1]["arch"]
    # What two processes left, checkpoints too, is a run like any other.
    assert "retrain: finished" not in run_alone(*flags, f"--workdir={two}")
