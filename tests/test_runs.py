"""The work folder: whole files, rows, checkpoints, Ctrl-C."""

import json
import logging as python_logging
import math
import os
import pathlib
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

import qnas_jax
from qnas_jax import runs
from qnas_jax.runs.environment import _processor


@pytest.fixture
def folder(tmp_path):
    return runs.WorkFolder(tmp_path / "run")


def test_json_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "value.json"
    runs.write_json(path, {"a": [1, 2.5, "ä"]})
    assert runs.read_json(path) == {"a": [1, 2.5, "ä"]}
    with pytest.raises(TypeError):
        runs.write_json(path, {"a": object()})
    assert runs.read_json(path) == {"a": [1, 2.5, "ä"]}

    def killed(source, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            runs.write_json(path, {"b": 1})
    assert runs.read_json(path) == {"a": [1, 2.5, "ä"]}
    runs.write_json(path, {"c": 1})  # whatever the killed one left
    assert runs.read_json(path) == {"c": 1}
    assert [entry.name for entry in path.parent.iterdir()] == ["value.json"]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    value = {"a": math.nan, "b": [1.0, math.inf], "c": {"d": (-math.inf, 2)}}
    expected = {"a": None, "b": [1.0, None], "c": {"d": [None, 2]}}
    runs.write_json(tmp_path / "value.json", value)
    assert runs.read_json(tmp_path / "value.json") == expected
    runs.RowLog(tmp_path / "rows.jsonl").append([value])
    assert runs.read_rows(tmp_path / "rows.jsonl") == [expected]
    for path in tmp_path.iterdir():
        assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


@pytest.mark.parametrize("content", [b'{"a": 1', b"", b"\xff\xfe", b"[" * 10**5])
def test_damaged_json_is_one_line(tmp_path, content):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(runs.RunError, match="value.json: damaged") as caught:
        runs.read_json(path)
    assert "\n" not in str(caught.value) and "--workdir" in str(caught.value)


def test_workdir_must_be_a_folder(tmp_path):
    runs.WorkFolder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(runs.RunError, match="--workdir: got .*file, a file; expected"):
        runs.WorkFolder(tmp_path / "file")
    with pytest.raises(runs.RunError, match="--workdir: got .*file/x, expected a fold"):
        runs.WorkFolder(tmp_path / "file" / "x")


@struct.dataclass
class Tiny:
    """A state as trainings have it."""

    step: jax.Array
    weights: dict


def tiny(step):
    values = np.random.default_rng(step).normal(size=(2, 3)).astype(np.float32)
    rows = [jnp.asarray(values), jnp.asarray([step, -step], jnp.int32)]
    return Tiny(step=jnp.int32(step), weights={"rows": rows})


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def open_checkpoints(tmp_path):
    opened = []

    def build(**options):
        opened.append(runs.Checkpoints(tmp_path / "checkpoints", **options))
        return opened[-1]

    yield build
    for checkpoints in opened:
        checkpoints.close()


def test_newest_checkpoint_comes_back(open_checkpoints):
    checkpoints = open_checkpoints()
    start = tiny(0)
    assert checkpoints.restore(start) is None
    for step in (4, 9, 12):
        checkpoints.save(tiny(step), {"rows": step})
    for again in (checkpoints, open_checkpoints()):
        saved = again.restore(start)
        assert_same(saved.state, tiny(12))
        assert saved.note == {"rows": 12}


def test_some_fields_come_back_alone(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    with pytest.raises(runs.RunError, match="checkpoints holds no checkpoint, though"):
        checkpoints.restore_fields({"step": jnp.int32(0)})
    checkpoints.save(tiny(12))
    wanted = jax.eval_shape(lambda: {"step": jnp.int32(0)})
    found = open_checkpoints().restore_fields(wanted)
    assert list(found) == ["step"] and int(found["step"]) == 12
    checkpoints.save(tiny(13))
    assert int(checkpoints.restore_fields(wanted)["step"]) == 13


def spoil(folder, step, how):
    """Damages a file of a checkpoint, the largest that holds arrays."""
    files = [path for path in (folder / str(step)).rglob("*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    if how == "gone":
        file.unlink()
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))


@pytest.mark.parametrize("how", ["gone", "cut", "one bit"])
def test_the_checkpoint_before_a_damaged_one_counts(
    open_checkpoints, tmp_path, how, caplog
):
    checkpoints = open_checkpoints()
    for step in (4, 9):
        checkpoints.save(tiny(step), step)
    spoil(tmp_path / "checkpoints", 9, how)
    wanted = jax.eval_shape(lambda: {"step": jnp.int32(0)})
    with pytest.raises(runs.RunError, match=r"checkpoints/9/.*: .*; put it back, or"):
        open_checkpoints().restore_fields(wanted)
    again = open_checkpoints()
    absl_logger = python_logging.getLogger("absl")
    absl_logger.addHandler(caplog.handler)
    try:
        saved = again.restore(tiny(0))
    finally:
        absl_logger.removeHandler(caplog.handler)
    assert "checkpoints/9/" in caplog.text
    assert_same(saved.state, tiny(4))
    assert saved.note == 4
    again.save(tiny(9), 9)
    assert_same(open_checkpoints().restore(tiny(0)).state, tiny(9))


def test_no_whole_checkpoint_is_an_error(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints(remedy="do it again by --stage=bake")
    folder = tmp_path / "checkpoints"
    for step in (4, 9):
        checkpoints.save(tiny(step))
        spoil(folder, step, "cut")
    message = "checkpoints: holds no checkpoint that can be read .*by --stage=bake"
    with pytest.raises(runs.RunError, match=message) as caught:
        checkpoints.restore(tiny(0))
    assert "\n" not in str(caught.value)
    shutil.rmtree(folder)
    with pytest.raises(runs.RunError, match=message):
        checkpoints.restore(tiny(0))
    with pytest.raises(runs.RunError, match="holds no checkpoint, though the stage is"):
        checkpoints.restore_fields({"step": jnp.int32(0)})


def test_a_checkpoint_that_was_not_listed_is_made_again(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    checkpoints.save(tiny(4))
    listed = (tmp_path / "checkpoints.json").read_bytes()
    checkpoints.save(tiny(9))
    (tmp_path / "checkpoints.json").write_bytes(listed)  # a kill before the list
    again = open_checkpoints()
    assert int(again.restore(tiny(0)).state.step) == 4
    again.save(tiny(9))
    assert int(again.restore(tiny(0)).state.step) == 9
    (tmp_path / "checkpoints.json").unlink()
    with pytest.raises(runs.RunError, match=r"checkpoints\.json: missing; put it back"):
        open_checkpoints().restore(tiny(0))


def test_a_checkpoint_of_another_form_is_one_line(open_checkpoints):
    open_checkpoints().save(tiny(4))
    other = tiny(0).replace(weights={"other": jnp.zeros(3)})
    with pytest.raises(runs.RunError, match="checkpoints/4: a checkpoint of another f"):
        open_checkpoints().restore(other)


def test_two_checkpoints_are_kept(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    for step in (4, 9, 12):
        checkpoints.save(tiny(step))
    kept = [entry.name for entry in (tmp_path / "checkpoints").iterdir()]
    assert sorted(name for name in kept if name.isdigit()) == ["12", "9"]


def test_a_step_is_saved_once(open_checkpoints):
    checkpoints = open_checkpoints()
    checkpoints.save(tiny(4))
    other = tiny(5).replace(step=jnp.int32(4))
    checkpoints.save(other)
    assert_same(checkpoints.restore(tiny(0)).state, tiny(4))


def test_a_save_is_due_by_minutes_or_by_steps(open_checkpoints, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(runs.checkpoints.time, "monotonic", lambda: now[0])
    checkpoints = open_checkpoints(options=runs.CheckpointOptions(minutes=1.0, steps=7))
    now[0] += 59
    assert [step for step in range(10) if checkpoints.is_due(step)] == [7, 8, 9]
    checkpoints.save(tiny(8))
    now[0] += 59
    assert [step for step in range(8, 17) if checkpoints.is_due(step)] == [15, 16]
    now[0] += 1
    assert checkpoints.is_due(9)
    again = open_checkpoints(options=runs.CheckpointOptions(steps=7))
    again.restore(tiny(0))
    assert not again.is_due(14) and again.is_due(15)


def test_as_many_are_kept_as_asked_for(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints(options=runs.CheckpointOptions(kept=3))
    for step in range(5):
        checkpoints.save(tiny(step))
    there = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert there == ["2", "3", "4"]


def test_progress_passes_all_steps_and_is_quiet_without_a_terminal(capfd):
    assert list(runs.progress(range(2, 5), 3, "work")) == [2, 3, 4]
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_environment_names_what_a_rerun_needs():
    found = runs.environment(["python", "main.py", "--config=a.py"])
    assert found["qnas_jax"] == qnas_jax.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["versions"]["jax"] == jax.__version__
    assert found["versions"]["numpy"] == np.__version__
    assert {"jaxlib", "flax", "optax", "orbax-checkpoint"} <= set(found["versions"])
    assert found["backend"] == jax.default_backend()
    assert len(found["devices"]) == jax.device_count()
    assert found["cpu_count"] == os.cpu_count()
    assert {"processor", "vector_extensions"} <= set(found)
    assert found["command"] == "python main.py --config=a.py"
    assert found["started"][:2] == "20" and found["platform"]
    checkout = pathlib.Path(qnas_jax.__file__).parents[1] / ".git"
    assert bool(found["commit"]) == checkout.exists()
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("text", "model", "extensions"),
    [
        (
            "processor\t: 0\nmodel name\t: Some Xeon\nflags\t\t: fpu sse4_2 avx2 "
            "avx512f avx_vnni amx_tile fma\n\nprocessor\t: 1\nmodel name\t: Other\n",
            "Some Xeon",
            ["amx_tile", "avx2", "avx512f", "avx_vnni", "fma", "sse4_2"],
        ),
        ("processor\t: 0\nFeatures\t: fp asimd sve2 crc32\n", None, ["asimd", "sve2"]),
        (None, None, None),
    ],
)
def test_processor_and_its_vector_extensions(tmp_path, text, model, extensions):
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    found = _processor(file)
    assert found["vector_extensions"] == extensions
    if model:
        assert found["processor"] == model
    json.dumps(found)
