"""Two processes with two devices each end as one process with one, on real commands.

Also when they go on with what another number began, and it with what they did.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from job_runs import result_of, run_in

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


def losses_of(folder: pathlib.Path) -> list[float]:
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [row["loss"] for row in rows if "loss" in row]


def kill_after(steps: int, folder: pathlib.Path, processes: list) -> None:
    """Kills processes when a supernet's state after so many steps is kept."""
    listed = folder / "supernet" / "checkpoints.json"
    last = 0
    while last < steps:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.005)
        if listed.is_file():
            last = max(map(int, json.loads(listed.read_text())["steps"]))
    for process in processes:
        process.kill()
        process.communicate()
    assert not (folder / "supernet" / "done.json").exists()


@pytest.mark.slow
def test_a_whole_job_is_computed_by_any_number(tmp_path, space_file):
    """Four devices begin, two processes go on, then one, then two to the end.

    Supernets take ten steps, in two epochs.
    """
    config = tmp_path / "config.py"
    config.write_text(NETWORKS.format(space=str(space_file)))
    one, many = tmp_path / "one", tmp_path / "many"
    flags = [f"--config={config}", f"--workdir={many}"]
    supernet = [*flags, "--stage=supernet"]
    each_step = [*supernet, "--config.checkpoints.steps=1"]
    kill_after(1, many, [run(*each_step, devices=4)])
    kill_after(6, many, _start_both(*each_step, temporary=tmp_path))
    first_epoch = (many / "metrics.jsonl").read_text().splitlines()[0]
    assert json.loads(first_epoch)["stage"] == "supernet"
    run_alone(*supernet)
    run_both(*flags, temporary=tmp_path)
    # With its time: nobody has computed it again.
    assert (many / "metrics.jsonl").read_text().splitlines()[0] == first_epoch
    names: dict = {}
    exec(config.read_text(), names)
    run_in(one, names["get_config"]())
    np.testing.assert_allclose(losses_of(many), losses_of(one), rtol=1e-4)
    found = [result_of(folder)["best_arch.json"] for folder in (one, many)]
    assert found[0]["arch"] == found[1]["arch"]
