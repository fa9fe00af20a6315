"""What a run has left, bit for bit, but for times.

Two runs are the same if `read_artefacts` of their work folders are equal. Left out are
fields that say when or how long, what is made of them (seals, checks of rows), and the
names that orbax draws; arrays are compared by their bytes.
"""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from qnas_jax.files import digest, digest_file
from qnas_jax.runs import read_json

_TIMES = frozenset(
    {"seconds", "processor_seconds", "seal", "check", "latency_ms", "files", "after"}
)
_NOT_COMPARED = frozenset({".lock", "environment.json", "checkpoints.json"})
_PAGES = frozenset({"report.html", "README.md"})
_NOT_OF_THE_RUN = (" ms", "| ± ", "s in all", "measured", ">started<", ">devices<")


def read_artefacts(
    folder: pathlib.Path, measured: Iterable[str] = ()
) -> dict[str, str]:
    """Digests of everything that a run has left.

    Args:
      folder: the work folder of a finished run.
      measured: names of JSON files whose numbers are measured times.

    Returns:
      By name; of a folder of checkpoints its newest state.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        inside = "checkpoints" in path.relative_to(folder).parts[:-1]
        if path.is_dir():
            if path.name == "checkpoints":
                found[name] = _newest_state(path)
        elif not inside and path.name not in _NOT_COMPARED:
            found[name] = _content(path, name in set(measured))
    return found


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names of what is not the same in both, or there in one only."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _content(path: pathlib.Path, measured: bool) -> str:
    if path.suffix == ".json":
        return _text(without_times(read_json(path), measured))
    if path.suffix == ".jsonl":
        rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return _text([without_times(row, measured) for row in rows])
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return digest(*(_bytes(name, arrays[name]) for name in arrays.files))
    if path.name in _PAGES:
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not any(w in line for w in _NOT_OF_THE_RUN)]
        return digest("\n".join(kept).encode())
    return digest_file(path)


def without_times(value: Any, measured: bool) -> Any:
    """A JSON value without times; numbers are blank where they are times."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _TIMES}
        return {name: without_times(each, measured) for name, each in kept.items()}
    if isinstance(value, list):
        return [without_times(each, measured) for each in value]
    return "a number" if measured and isinstance(value, float | int) else value


def _text(value: Any) -> str:
    return digest(json.dumps(value, sort_keys=True).encode())


def _bytes(name: str, array: np.ndarray) -> bytes:
    return f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes()


def _newest_state(folder: pathlib.Path) -> str:
    """Step and leaves of the newest checkpoint."""
    step, leaves = newest_leaves(folder)
    parts = [_bytes(name, leaf) for name, leaf in leaves.items()]
    return digest(str(step).encode(), *parts)


def newest_leaves(folder: pathlib.Path) -> tuple[int, dict[str, np.ndarray]]:
    """Step of the newest checkpoint, and its arrays by their place."""
    import jax
    import orbax.checkpoint as ocp

    step = max(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    path = (folder / str(step) / "default").absolute()
    reader = ocp.PyTreeCheckpointer()
    as_numpy = jax.tree.map(
        lambda _: ocp.RestoreArgs(restore_type=np.ndarray),
        reader.metadata(path).item_metadata.tree,
    )
    state = reader.restore(path, restore_args=as_numpy)
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return step, {
        jax.tree_util.keystr(place): np.asarray(leaf) for place, leaf in leaves
    }
