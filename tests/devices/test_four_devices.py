"""Work that four devices divide ends as on one; in a process that has four of them."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("on_four_devices.py")
EXACT = {"draws", "searches", "runs of an optimiser"}


@pytest.fixture(scope="module")
def differences() -> dict[str, float]:
    flags = os.environ["XLA_FLAGS"] + " --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "batch normalisation",
        "draws",
        "switch, fair",
        "padded, strict_fair",
        "switch, a teacher",
        "retraining",
        "scores, switch",
        "population, padded",
        "searches",
        "metrics",
        "proxies",
        "runs of an optimiser",
    ],
)
def test_four_devices_compute_what_one_does(differences, kind):
    assert differences[kind] <= (0 if kind in EXACT else 2e-5)


@pytest.mark.slow
def test_every_kind_is_looked_at(differences):
    assert len(differences) == 12
