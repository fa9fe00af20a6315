"""The work folder: whole files, rows, checkpoints, Ctrl-C."""

import json
import logging as python_logging
import math
import os
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

import qnas_jax
from qnas_jax import runs


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
    runs.append_rows(tmp_path / "rows.jsonl", [value])
    assert runs.read_rows(tmp_path / "rows.jsonl") == [expected]
    for path in tmp_path.iterdir():
        assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


@pytest.mark.parametrize("content", [b'{"a": 1', b"", b"\xff\xfe"])
def test_damaged_json_is_one_line(tmp_path, content):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(runs.RunError, match="value.json: damaged") as caught:
        runs.read_json(path)
    assert "\n" not in str(caught.value) and "--workdir" in str(caught.value)


def test_rows_are_appended_in_order(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    assert runs.read_rows(path) == []
    runs.append_rows(path, [{"n": 1}, {"n": 2}])
    runs.append_rows(path, [])
    runs.append_rows(path, [{"n": 3}])
    assert runs.read_rows(path) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("length", [1, 5, 9])
def test_half_written_last_row_is_left_out(tmp_path, length, caplog):
    path = tmp_path / "rows.jsonl"
    runs.append_rows(path, [{"n": 1}, {"n": 2}])
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"n": 333}'[:length])
    absl_logger = python_logging.getLogger("absl")
    absl_logger.addHandler(caplog.handler)
    try:
        assert runs.read_rows(path) == [{"n": 1}, {"n": 2}]
    finally:
        absl_logger.removeHandler(caplog.handler)
    assert "rows.jsonl: the last line is incomplete" in caplog.text
    runs.rewrite_rows(path, runs.read_rows(path))
    runs.append_rows(path, [{"n": 3}])
    assert runs.read_rows(path) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_damaged_row_in_the_middle_is_an_error_with_its_number(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1}\n{"n": 2\n{"n": 3}\n')
    with pytest.raises(runs.RunError, match=r"rows\.jsonl, line 2: damaged"):
        runs.read_rows(path)


def test_rewrite_replaces_all_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    runs.append_rows(path, [{"n": 1}, {"n": 2}])
    path.with_name("rows.jsonl.part").write_text("left by a killed run")
    runs.rewrite_rows(path, [{"n": 7}])
    assert runs.read_rows(path) == [{"n": 7}]
    runs.rewrite_rows(path, [])
    assert path.read_text() == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl"]


def test_log_and_drop_rows(folder):
    folder.drop_rows(lambda row: True)  # nothing there yet
    for step in (3, 6, 9):
        folder.log("supernet", step=step, loss=0.5)
        folder.log("pool", step=step)
    folder.drop_rows(lambda row: row["stage"] == "supernet" and row["step"] > 3)
    found = runs.read_rows(folder.path / "metrics.jsonl")
    assert [(row["stage"], row["step"]) for row in found] == [
        ("supernet", 3),
        ("pool", 3),
        ("pool", 6),
        ("pool", 9),
    ]
    assert found[0] == {"stage": "supernet", "step": 3, "loss": 0.5}


def test_time_accumulates_over_blocks_and_interruptions(folder, monkeypatch):
    clock = iter([10.0, 12.5, 100.0, 101.25, 200.0, 200.5])
    monkeypatch.setattr(runs.time, "perf_counter", lambda: next(clock))
    assert folder.seconds() == {}
    with folder.timed("search"):
        pass
    with pytest.raises(KeyboardInterrupt), folder.timed("search"):
        raise KeyboardInterrupt
    with runs.WorkFolder(folder.path).timed("retrain"):
        pass
    assert folder.seconds() == {"search": 3.75, "retrain": 0.5}


def test_forget_removes_a_stage_and_nothing_else(folder):
    for stage in ("search", "retrain"):
        (folder.path / stage).mkdir()
        (folder.path / stage / "done.json").write_text("{}")
        folder.log(stage, step=1)
        with folder.timed(stage):
            pass
    (folder.path / "best_arch.json").write_text("{}")
    (folder.path / "config.json").write_text("{}")
    folder.forget("search", "best_arch.json", "absent.json")
    assert sorted(entry.name for entry in folder.path.iterdir()) == [
        "config.json",
        "metrics.jsonl",
        "retrain",
        "seconds.json",
    ]
    assert list(folder.seconds()) == ["retrain"]
    rows = runs.read_rows(folder.path / "metrics.jsonl")
    assert [row["stage"] for row in rows] == ["retrain"]


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
    assert checkpoints.restore(start) is start
    for step in (4, 9, 12):
        checkpoints.save(tiny(step))
    assert_same(checkpoints.restore(start), tiny(12))
    assert_same(open_checkpoints().restore(start), tiny(12))


def test_some_fields_come_back_alone(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    with pytest.raises(runs.RunError, match="checkpoints: got no checkpoint"):
        checkpoints.restore_fields({"step": jnp.int32(0)})
    checkpoints.save(tiny(12))
    wanted = jax.eval_shape(lambda: {"step": jnp.int32(0)})
    found = open_checkpoints().restore_fields(wanted)
    assert list(found) == ["step"] and int(found["step"]) == 12
    checkpoints.save(tiny(13))
    assert int(checkpoints.restore_fields(wanted)["step"]) == 13


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
    assert_same(checkpoints.restore(tiny(0)), tiny(4))


def test_save_if_due_waits(open_checkpoints, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(runs.time, "monotonic", lambda: now[0])
    checkpoints = open_checkpoints(seconds_between=60.0)
    start = tiny(0)
    now[0] += 59
    checkpoints.save_if_due(tiny(1))
    assert checkpoints.restore(start) is start
    now[0] += 1
    checkpoints.save_if_due(tiny(2))
    now[0] += 30
    checkpoints.save_if_due(tiny(3))
    assert int(checkpoints.restore(start).step) == 2
    now[0] += 30
    checkpoints.save_if_due(tiny(4))
    assert int(checkpoints.restore(start).step) == 4


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
    assert found["command"] == "python main.py --config=a.py"
    assert found["started"][:2] == "20" and found["platform"]
    checkout = pathlib.Path(qnas_jax.__file__).parents[1] / ".git"
    assert bool(found["commit"]) == checkout.exists()
    assert json.loads(json.dumps(found)) == found
