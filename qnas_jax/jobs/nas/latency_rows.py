"""What is measured for a table of latencies, each thing a row that is kept.

A row is `latency/rows.jsonl`'s: a thing that has one is not measured again, so that a
stopped stage goes on behind the last one.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.latency import Nothing, distinct_parts, measurer
from qnas_jax.nets import Supernet, build_op
from qnas_jax.runs import RowLog, RunError, environment
from qnas_jax.spaces import arch_to_string
from qnas_jax.stopping import Stopped

CALL, PASS = "call", "pass"
"""Names of a call that computes nothing, and of an input of it among many."""


class Item(NamedTuple):
    """Something to measure: name, shape of one input, inputs, how to build it."""

    name: str
    shape: tuple[int, ...]
    inputs: int
    build: Callable[[], nnx.Module]


def call_items(setting: NasSetting) -> Iterator[Item]:
    """Calls that compute nothing."""
    yield Item(CALL, (1,), 1, Nothing)
    yield Item(PASS, (1,), setting.config.latency.at_once, Nothing)


def part_items(setting: NasSetting, supernet: Supernet) -> Iterator[Item]:
    """Every block of a supernet once."""
    key, at_once = setting.key("latency/weights"), setting.config.latency.at_once
    for name, part in distinct_parts(supernet.parts()).items():
        yield Item(
            name,
            part.input_shape,
            at_once,
            lambda part=part: build_op(part.block, 0, nnx.Rngs(key)),  # type: ignore[misc]
        )


def network_items(setting: NasSetting, archs: np.ndarray) -> Iterator[Item]:
    """Whole networks of architectures int32 [N, L]."""
    key = setting.key("latency/weights")
    weights = functools.cache(lambda: setting.supernet.init(key))

    def cut(arch: np.ndarray) -> nnx.Module:
        params, stats = weights()  # drawn for the first network
        return setting.supernet.cut(params, stats, arch)

    for arch in archs:
        yield Item(
            name_of_network(setting, arch),
            setting.supernet.space.input_shape,
            1,
            lambda arch=arch: cut(arch),  # type: ignore[misc]
        )


def measured_rows(
    setting: NasSetting, items: Sequence[Item]
) -> dict[str, dict[str, Any]]:
    """The rows of all that was measured, by name; those that lack are measured.

    Args:
      setting: the run.
      items: that have to be among them.

    Returns:
      Rows of `Measured`, also of things that are not among the items.

    Raises:
      RunError: rows are damaged, or of another machine.
      Stopped: the user asked to stop; rows so far are kept.
    """
    log = RowLog(
        setting.folder.path / "latency" / "rows.jsonl", "do it again by --stage=latency"
    )
    rows = {row["name"]: row for row in log.read()}
    device, others = device_words(), {row["device"] for row in rows.values()}
    if others - {device}:
        raise RunError(
            f"{setting.folder.path}: its latencies were measured on {others.pop()!r}, "
            f"this is {device!r}; use another --workdir"
        )
    measure = measurer(setting.config.latency, setting.key("latency/inputs"))
    todo = [item for item in items if item.name not in rows]
    for number in setting.progress(range(len(todo)), len(todo), "latency"):
        item = todo[number]
        found = measure(item.build(), item.shape, item.inputs)
        rows[item.name] = {"name": item.name, "device": device, **found._asdict()}
        log.append([rows[item.name]])
        if setting.should_stop():
            raise Stopped
    return rows


def name_of_network(setting: NasSetting, arch: np.ndarray) -> str:
    """The name of a whole network's row."""
    return f"network {arch_to_string(setting.space, arch)}"


def device_words() -> str:
    """What the networks run on, in words."""
    about = environment([])
    if about["backend"] != "cpu":
        return str(about["devices"][0])
    return str(about["processor"] or about["platform"])
