"""What a run was made with: versions, devices, commit."""

import importlib.metadata
import os
import pathlib
import platform
import re
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
        **_processor(pathlib.Path("/proc/cpuinfo")),
        "backend": jax.default_backend(),
        "devices": [str(device.device_kind) for device in jax.devices()],
        "commit": _commit(),
        "command": shlex.join(command),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


_VECTORS = re.compile(r"(sse4|avx|fma|amx|asimd|sve|neon)\w*")


def _processor(cpuinfo: pathlib.Path) -> dict[str, Any]:
    """Model and vector extensions: XLA compiles for them, so last digits depend on it.

    Args:
      cpuinfo: as Linux shows it; elsewhere there is none, and extensions are unknown.

    Returns:
      "processor" and "vector_extensions"; the latter sorted, None if not known.
    """
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return {"processor": platform.processor() or None, "vector_extensions": None}
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "processor": fields.get("model name") or platform.processor() or None,
        "vector_extensions": sorted(set(filter(_VECTORS.fullmatch, flags))),
    }


def _commit() -> str | None:
    """The commit of the checkout that holds the package, if it is one."""
    folder = pathlib.Path(qnas_jax.__file__).resolve().parents[1]
    if not (folder / ".git").exists():  # An installed one may lie in another checkout.
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
