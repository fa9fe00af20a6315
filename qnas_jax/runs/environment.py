"""What a run was made with: versions, devices, commit."""

import importlib.metadata
import os
import pathlib
import platform
import shlex
import subprocess
import time
from typing import Any

import jax

import qnas_jax


def environment(command: list[str]) -> dict[str, Any]:
    """Versions, devices and commit, for `environment.json`."""
    names = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "qnas_jax": qnas_jax.__version__,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in names},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "backend": jax.default_backend(),
        "devices": [str(device.device_kind) for device in jax.devices()],
        "commit": _commit(),
        "command": shlex.join(command),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _commit() -> str | None:
    """The commit of the checkout that holds the package, if it is one."""
    folder = pathlib.Path(qnas_jax.__file__).resolve().parent
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
