"""The work folder of a run: what is finished, metrics, checkpoints, and how to stop.

Every file is written whole or not at all (a temporary file that is renamed); rows are
appended one line at a time, so that a killed run loses at most a half-written line.
"""

import contextlib
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

import jax
import numpy as np
from absl import logging

import qnas_jax
from qnas_jax.errors import UserError

LAYOUT = 2
"""Version of what a work folder holds; folders of another version are refused."""

Progress = Callable[[Iterable[int], int, str], Iterable[int]]
"""`progress(steps, total, description)` yields the steps and shows how far it is."""


class RunError(UserError):
    """The work folder cannot serve this command; `str()` is one complete line."""


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    text = json.dumps(_plain(value), indent=2, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: pathlib.Path) -> Any:
    """Reads a JSON file of the work folder.

    Args:
      path: file.

    Returns:
      Its value.

    Raises:
      RunError: the file is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path}: damaged ({error}); delete it or use another --workdir"
        ) from None


def write_arrays(path: pathlib.Path, **arrays: Any) -> None:
    """Writes a compressed `.npz` file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name("part-" + path.name)
    np.savez_compressed(temporary, **arrays)
    os.replace(temporary, path)


def read_arrays(path: pathlib.Path, *names: str) -> list[np.ndarray]:
    """Reads arrays of a `.npz` file of the work folder.

    Args:
      path: file.
      *names: of the arrays.

    Returns:
      The arrays, in the order of the names.

    Raises:
      RunError: the file is damaged, or lacks one of them.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return [stored[name] for name in names]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{path}: damaged ({error}); delete it, and the same command makes it again"
        ) from None


def append_rows(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Appends rows to a JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(_plain(row), allow_nan=False) + "\n" for row in rows)
    with open(path, "a", encoding="utf-8") as file:
        file.write(lines)


def _plain(value: Any) -> Any:
    """JSON has no NaN: numbers that are not finite become null, at any depth."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_rows(path: pathlib.Path) -> list[dict[str, Any]]:
    """Reads a JSONL file; a half-written last line of a killed run is left out.

    Args:
      path: file; it may be absent.

    Returns:
      The rows.

    Raises:
      RunError: a line other than the last is damaged.
    """
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: damaged ({error})") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise RunError(f"{path}, line {number}: damaged ({error})") from None
            logging.warning("%s: the last line is incomplete, left out", path)
    return rows


def rewrite_rows(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replaces a JSONL file whole."""
    temporary = path.with_name(path.name + ".part")
    temporary.unlink(missing_ok=True)
    append_rows(temporary, rows)
    os.replace(temporary, path)


class WorkFolder:
    """One run's files.

    Attributes:
      path: the folder; made if absent.
    """

    def __init__(self, path: str | pathlib.Path):
        """Opens or makes a work folder.

        Args:
          path: the folder.

        Raises:
          RunError: the path names a file, or the folder cannot be made.
        """
        self.path = pathlib.Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"--workdir: got {path}, a file; expected a folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"--workdir: got {path}, expected a folder that can be made ({error})"
            ) from None

    def check_layout(self) -> None:
        """Raises RunError if the folder holds a run of another layout."""
        path = self.path / "config.json"
        if not path.exists():
            return
        layout = read_json(path).get("layout", 1)
        if layout != LAYOUT:
            raise RunError(
                f"{self.path}: made by another version (layout {layout}, this one "
                f"reads {LAYOUT}); use another --workdir"
            )

    def log(self, stage: str, **values: Any) -> None:
        """Appends a row to `metrics.jsonl`."""
        append_rows(self.path / "metrics.jsonl", [{"stage": stage, **values}])

    def drop_rows(self, drop: Callable[[dict[str, Any]], bool]) -> None:
        """Removes rows of `metrics.jsonl`, for work that is done again."""
        path = self.path / "metrics.jsonl"
        if path.exists():
            rewrite_rows(path, [row for row in read_rows(path) if not drop(row)])

    def seconds(self) -> dict[str, float]:
        """Time spent by stage, over all processes that worked on the run."""
        path = self.path / "seconds.json"
        return read_json(path) if path.exists() else {}

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time of the block to a stage, also if it is interrupted."""
        started = time.perf_counter()
        try:
            yield
        finally:
            total = self.seconds()
            spent = time.perf_counter() - started
            total[stage] = round(total.get(stage, 0.0) + spent, 3)
            write_json(self.path / "seconds.json", total)

    def forget(self, stage: str, *files: str) -> None:
        """Removes a stage's folder, rows and times, and further files of it."""
        shutil.rmtree(self.path / stage, ignore_errors=True)
        for name in files:
            (self.path / name).unlink(missing_ok=True)
        self.drop_rows(lambda row: row["stage"] == stage)
        total = self.seconds()
        if total.pop(stage, None) is not None:
            write_json(self.path / "seconds.json", total)


class Checkpoints:
    """The newest states of a training, kept by orbax (atomic, two are kept)."""

    def __init__(self, path: pathlib.Path, seconds_between: float = 60.0):
        """Opens a checkpoint folder.

        Args:
          path: folder, made on the first save.
          seconds_between: `save_if_due` saves no more often.
        """
        import orbax.checkpoint as ocp

        self._orbax = ocp
        self._path = path
        self._manager = ocp.CheckpointManager(
            path.absolute(),
            options=ocp.CheckpointManagerOptions(
                max_to_keep=2, enable_async_checkpointing=False
            ),
        )
        self._seconds_between = seconds_between
        self._last = time.monotonic()

    def restore(self, state: Any) -> Any:
        """Reads the newest state.

        Args:
          state: a state of the same structure, shapes and types.

        Returns:
          The stored one, or `state` itself if nothing was stored.
        """
        step = self._manager.latest_step()
        return state if step is None else self._read(step, state)

    def restore_fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Reads some fields of the newest state, and nothing else of it.

        Args:
          fields: for each name a tree of arrays, or of their shapes and types.

        Returns:
          What is stored, in the same form.

        Raises:
          RunError: nothing is stored.
        """
        step = self._manager.latest_step()
        if step is None:
            raise RunError(f"{self._path}: got no checkpoint, expected one")
        return self._read(step, fields, partial_restore=True)

    def _read(self, step: int, tree: Any, **options: bool) -> Any:
        here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        template = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=leaf.sharding or here
            ),
            tree,
        )
        how = self._orbax.checkpoint_utils.construct_restore_args(template)
        args = self._orbax.args.PyTreeRestore(template, restore_args=how, **options)
        return self._manager.restore(step, args=args)

    def save(self, state: Any) -> None:
        """Writes a state with a field `step`, unless that step is stored."""
        step = int(state.step)
        if step != self._manager.latest_step():
            self._manager.save(step, args=self._orbax.args.PyTreeSave(state))
        self._last = time.monotonic()

    def save_if_due(self, state: Any) -> None:
        """Writes a state if the last one is older than `seconds_between`."""
        if time.monotonic() - self._last >= self._seconds_between:
            self.save(state)

    def close(self) -> None:
        """Frees orbax's threads."""
        self._manager.close()


class StopRequest:
    """Turns the first Ctrl-C into a request that loops ask for; the second kills.

    Used as a context manager; calling it says whether a stop was asked for.
    """

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self._asked = False
        self._previous: Any = None

    def __call__(self) -> bool:
        """Whether the user asked to stop."""
        return self._asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        sys.stderr.write("\nstopping after the present step (again: at once)\n")

    def __enter__(self) -> "StopRequest":
        self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._previous)


def progress(steps: Iterable[int], total: int, description: str) -> Iterable[int]:
    """Shows a bar with rate and time left; silent if the output is no terminal."""
    from tqdm import tqdm

    return tqdm(
        steps, total=total, desc=description, disable=None, leave=False, unit="step"
    )


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
    folder = pathlib.Path(__file__).resolve().parent
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
