"""Kinds of inputs that we wrote ourselves: work folders, checkpoints.

Damage there must be seen: what is accepted is what was written, to the bit.
"""

import functools
import json
import pathlib
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from hypothesis import strategies as st

from experiments.fuzzing.damage import Damaged, folder_kind, made, put
from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import damaged_bytes, row_texts
from qnas_jax.data.cache import cached
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.reporting.comparison.records import curves_by_task, read_comparison
from qnas_jax.reporting.rows import read_run
from qnas_jax.runs import (
    Checkpoints,
    RowLog,
    read_arrays,
    read_sealed,
    write_arrays,
    write_sealed,
)

_ROWS = [{"stage": "ab"[n % 2], "n": n, "x": 0.1 * n, "s": "é"} for n in range(8)]
_ARRAYS = {"scores": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"])}
_OBJECT = {"step": 3, "files": {"a": "0f"}, "share": 0.1, "none": None}


def _write_sealed(folder: pathlib.Path) -> None:
    write_sealed(folder / "a.json", _OBJECT)
    write_arrays(folder / "a.npz", **_ARRAYS)
    RowLog(folder / "rows.jsonl").append(_ROWS)


def _read_sealed(damaged: Damaged, folder: pathlib.Path) -> Any:
    put(made(_write_sealed), damaged, folder)
    position = _position()
    log = RowLog(folder / "rows.jsonl")
    log.check(position, whole=True)
    return (
        read_sealed(folder / "a.json", "bake it"),
        [array.tolist() for array in read_arrays(folder / "a.npz", *_ARRAYS)],
        log.read(),
    )


@functools.cache
def _position() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        _write_sealed(pathlib.Path(folder))
        return RowLog(pathlib.Path(folder) / "rows.jsonl").position(("a", "b"))


def _as_written(damaged: Damaged, found: Any) -> str:
    wanted = (_OBJECT, [array.tolist() for array in _ARRAYS.values()], _ROWS)
    return "" if found == wanted else f"read {found}"


@struct.dataclass
class _State:
    step: jax.Array
    weights: jax.Array
    key: jax.Array


def _state(step: int) -> _State:
    return _State(
        jnp.int32(step), jnp.arange(3.0) + step, jax.random.key_data(jax.random.key(1))
    )


def _write_checkpoints(folder: pathlib.Path) -> None:
    checkpoints = Checkpoints(folder / "checkpoints")
    for step in (1, 2):
        checkpoints.save(_state(step), note={"rows": step})
    checkpoints.close()


def _restore(damaged: Damaged, folder: pathlib.Path) -> Any:
    put(made(_write_checkpoints), damaged, folder)
    checkpoints = Checkpoints(folder / "checkpoints")
    try:
        return checkpoints.restore(_state(0))
    finally:
        checkpoints.close()


def _is_a_state(damaged: Damaged, saved: Any) -> str:
    if saved is None:
        return "nothing was found, though two were saved"
    step = int(saved.state.step)
    same = jax.tree.map(np.array_equal, saved.state, _state(step))
    if step not in (1, 2) or not all(jax.tree.leaves(same)):
        return f"a state that was never saved, of step {step}"
    return "" if saved.note == {"rows": step} else f"note {saved.note} of step {step}"


_SPLITS = SourceSplits(
    "made",
    image_split(
        np.arange(48, dtype=np.uint8).reshape(3, 4, 4, 1), np.array([0, 1, 0], np.int32)
    ),
    None,
    None,
    ("a", "b"),
    ("a note",),
)


def _write_cache(folder: pathlib.Path) -> None:
    cached(folder, "made", ["x"], lambda: _SPLITS)


def _read_cache(damaged: Damaged, folder: pathlib.Path) -> Any:
    put(made(_write_cache), damaged, folder)
    return cached(folder, "made", ["x"], lambda: _SPLITS)


def _is_made(damaged: Damaged, splits: Any) -> str:
    pairs = (
        (splits.train.inputs, _SPLITS.train.inputs),
        (splits.train.targets, _SPLITS.train.targets),
    )
    same = all(np.array_equal(*pair) for pair in pairs)
    same = same and splits.class_names == ("a", "b") and splits.notes == ("a note",)
    return "" if same else "other data than were decoded"


_RUN = {
    "config.json": {"layout": 3, "job": "nas", "seed": 0},
    "best_arch.json": {"arch": [0, 1], "string": "a|b", "score": 0.5},
    "result.json": {"arch": [0, 1], "networks": {}, "seconds": 1.0},
    "ranking.json": {
        "kendall_tau": 0.5,
        "spearman": 0.6,
        "true": [0.5, 0.6],
        "scores": [0.1, 0.2],
    },
}
_METRICS = [
    {"stage": "supernet", "epoch": 1, "step": 3, "loss": 0.5, "accuracy": 0.5},
    {"stage": "pool", "epoch": 1, "archs": [[0, 1]], "scores": [0.5]},
    {"stage": "search", "generation": 0, "evaluations": 3, "best": 0.5, "mean": 0.4},
    {"stage": "retrain", "network": "a", "epoch": 1, "loss": 0.5, "accuracy": 0.5},
]
_EVALUATIONS = [
    {
        "evaluation": n,
        "generation": 0,
        "arch": [0, n % 2],
        "score": 0.5,
        "status": "ok",
        "params": 3,
        "macs": 5,
    }
    for n in range(3)
]


@st.composite
def _run_folders(draw: st.DrawFn) -> Given:
    """A work folder as the report reads it, with one odd file."""
    whole = {name: json.dumps(value).encode() for name, value in _RUN.items()}
    rows = {"metrics.jsonl": _METRICS, "search/history.jsonl": _EVALUATIONS}
    for name, own in rows.items():
        whole[name] = b"".join(json.dumps(row).encode() + b"\n" for row in own)
    name = draw(st.sampled_from(sorted(whole)))
    if name in rows and draw(st.booleans()):
        whole[name] = draw(row_texts(st.just(rows[name])))
    else:
        whole[name] = draw(damaged_bytes(st.just(whole[name])))
    return Given(whole, (name.rpartition("/")[2],))


def _read_run(whole: dict[str, bytes], folder: pathlib.Path) -> Any:
    put(whole, Damaged("", None), folder)
    return read_run(folder)


_CURVES = [
    {
        "strategy": name,
        "task": "t",
        "budgets": [1.0, 2.0],
        "test": [0.5, 0.6],
        "first_top": None,
        "optimum": 0.9,
        "seed": seed,
    }
    for name in ("a", "b")
    for seed in range(2)
]


def _read_curves(content: bytes, folder: pathlib.Path) -> Any:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return curves_by_task(read_comparison(path))


KINDS = (
    folder_kind("sealed files and rows", _write_sealed, _read_sealed, _as_written, 1.0),
    folder_kind("checkpoints", _write_checkpoints, _restore, _is_a_state, 0.5),
    folder_kind("kept data", _write_cache, _read_cache, _is_made, 0.5),
    Kind("rows of a report", _run_folders(), _read_run),
    Kind(
        "rows of a comparison",
        row_texts(st.just(_CURVES)).map(lambda text: Given(text, ("rows.jsonl",))),
        _read_curves,
        share=0.5,
    ),
)
