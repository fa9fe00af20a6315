"""Kinds of inputs that we wrote ourselves: work folders, checkpoints, models.

Damage there must be seen: what is accepted is what was written, to the bit.
"""

import contextlib
import functools
import io
import json
import pathlib
import tempfile
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from hypothesis import strategies as st

from experiments.benches.exports import random_weights
from experiments.fuzzing.images import IMAGES
from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import archives, damaged_bytes, row_texts
from qnas_jax.data.cache import cached
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.export import Images, blank_network, files, load_model, write_model
from qnas_jax.export.facts import with_digests
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.nas.predict import predict_examples
from qnas_jax.nets import set_mode
from qnas_jax.reporting.comparison.records import curves_by_task, read_comparison
from qnas_jax.reporting.rows import read_run
from qnas_jax.runs import (
    Checkpoints,
    RowLog,
    WorkFolder,
    read_arrays,
    read_sealed,
    write_arrays,
    write_json,
    write_sealed,
)
from qnas_jax.spaces import SpaceOptions, build_space


class Damaged(NamedTuple):
    """A folder of which one file is damaged: its name, and what is there now."""

    file: str
    content: bytes | None


def _contents(root: pathlib.Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _put(whole: dict[str, bytes], damaged: Damaged, folder: pathlib.Path) -> None:
    """Writes a folder, with the damage in it."""
    for name, content in whole.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != damaged.file:
            path.write_bytes(content)
        elif damaged.content is not None:
            path.write_bytes(damaged.content)


def _damages(whole: dict[str, bytes]) -> st.SearchStrategy[Damaged]:
    return st.sampled_from(sorted(whole)).flatmap(
        lambda name: st.one_of(
            *(3 * [damaged_bytes(st.just(whole[name]))]),
            st.just(None),
        ).map(lambda content: Damaged(name, content))
    )


@functools.cache
def _made(name: str) -> dict[str, bytes]:
    """The contents of a folder that is written once."""
    with tempfile.TemporaryDirectory() as folder:
        _MAKERS[name](pathlib.Path(folder))
        return _contents(pathlib.Path(folder))


_ROWS = [{"stage": "ab"[n % 2], "n": n, "x": 0.1 * n, "s": "é"} for n in range(8)]
_ARRAYS = {"scores": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"])}
_OBJECT = {"step": 3, "files": {"a": "0f"}, "share": 0.1, "none": None}


def _write_sealed(folder: pathlib.Path) -> None:
    write_sealed(folder / "a.json", _OBJECT)
    write_arrays(folder / "a.npz", **_ARRAYS)
    RowLog(folder / "rows.jsonl").append(_ROWS)


def _read_sealed(damaged: Damaged, folder: pathlib.Path) -> Any:
    _put(_made("sealed"), damaged, folder)
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
    _put(_made("checkpoints"), damaged, folder)
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


def _write_model(folder: pathlib.Path) -> None:
    space = build_space(SpaceOptions("digits_tiny"), (8, 8, 1), 10)
    arch = np.zeros(space.num_layers, np.int32)
    network = random_weights(blank_network(space, arch), np.random.default_rng(1))
    set_mode(network, "running")
    names = tuple(f"digit {number}" for number in range(10))
    images = Images((8, 8, 1), (0.4,), (0.3,), names, data="digits")
    pixels = np.zeros((2, 8, 8, 1), np.uint8)
    write_model(
        folder / files.FOLDER,
        space,  # type: ignore[arg-type]
        arch,
        network,
        images,
        examples=pixels,
        calibration=None,
    )
    facts = {"inputs": "images", "input_shape": [8, 8, 1], "class_names": list(names)}
    write_json(
        folder / files.FOLDER / files.FACTS, with_digests(facts, folder / files.FOLDER)
    )


_PIXELS = np.random.default_rng(3).integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)


def _model(damaged: Damaged, folder: pathlib.Path) -> Any:
    _put(_made("model"), damaged, folder)
    if damaged.file.endswith(files.STABLEHLO):  # it is read where there is no source
        (folder / files.FOLDER / files.SOURCE).unlink()
    with contextlib.redirect_stdout(io.StringIO()):
        return load_model(folder)


def _predicts_the_same(damaged: Damaged, model: Any) -> str:
    """Loaded in spite of damage: of what is not read, or what reads the same."""
    wanted = _whole_model()
    if (model.input_shape, model.class_names) != wanted[0]:
        return f"a model of {model.input_shape}, {model.class_names}"
    if damaged.file.endswith(files.FACTS):
        return ""
    close = np.allclose(model(_PIXELS), wanted[1], atol=1e-4)
    return "" if close else "other logits"


@functools.cache
def _whole_model() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        _put(_made("model"), Damaged("", None), root)
        model = load_model(root)
        return (model.input_shape, model.class_names), model(_PIXELS)


@st.composite
def _asked_images(draw: st.DrawFn) -> Given:
    """`--input`: an npz file, or a folder of images, with faults."""
    if draw(st.booleans()):
        arrays = {"images": _PIXELS, "y": np.arange(2)}
        return Given(("in.npz", draw(archives(st.just(arrays)))), ("in.npz",))
    name = draw(st.sampled_from(sorted(IMAGES)))
    content = draw(damaged_bytes(st.just(IMAGES[name])))
    return Given((f"in/{name}", content), (name, "--input"))


def _predict(value: tuple[str, bytes], folder: pathlib.Path) -> Any:
    root = folder / "run"
    _put(_made("model"), Damaged("", None), root)
    path = folder / value[0]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(value[1])
    setting = open_setting(
        default_config(),
        WorkFolder(root),
        input=str(folder / value[0].partition("/")[0]),
        say=lambda line: None,
    )
    return list(predict_examples(setting))


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
    _put(_made("cache"), damaged, folder)
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
    _put(whole, Damaged("", None), folder)
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


def _folder_kind(name: str, made: str, read: Any, wrong: Any, share: float) -> Kind:
    """A kind of a folder of ours; it is written when the first input is drawn."""

    def inputs() -> st.SearchStrategy[Given]:
        return _damages(_made(made)).map(
            lambda damaged: Given(
                damaged, (damaged.file.rpartition("/")[2], "checkpoints", files.FOLDER)
            )
        )

    return Kind(name, st.deferred(inputs), read, wrong, share)


_MAKERS = {
    "sealed": _write_sealed,
    "checkpoints": _write_checkpoints,
    "model": _write_model,
    "cache": _write_cache,
}

KINDS = (
    _folder_kind("sealed files and rows", "sealed", _read_sealed, _as_written, 1.0),
    _folder_kind("checkpoints", "checkpoints", _restore, _is_a_state, 0.5),
    _folder_kind("model folders", "model", _model, _predicts_the_same, 0.25),
    Kind("images to predict", _asked_images(), _predict, share=0.2),
    _folder_kind("kept data", "cache", _read_cache, _is_made, 0.5),
    Kind("rows of a report", _run_folders(), _read_run),
    Kind(
        "rows of a comparison",
        row_texts(st.just(_CURVES)).map(lambda text: Given(text, ("rows.jsonl",))),
        _read_curves,
        share=0.5,
    ),
)
