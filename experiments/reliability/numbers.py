"""How far the numbers of two runs are from each other, where bits are not the same.

Numbers belong together by artefact and field (`metrics.jsonl: loss`), or by array; a
difference is a share of the largest of them.
"""

import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.reliability.artefacts import newest_leaves, without_times
from qnas_jax.runs import read_json

Numbers = Mapping[str, Sequence[float]]

_LEAST = 1e-3  # that a difference is a share of


def read_numbers(folder: pathlib.Path) -> dict[str, list[float]]:
    """The numbers of all rows, JSON files, arrays and newest checkpoints of a run.

    Args:
      folder: the work folder of a finished run.

    Returns:
      By artefact and field, in order; without times.
    """
    found: dict[str, list[float]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "checkpoints" and path.is_dir():
            for place, leaf in newest_leaves(path)[1].items():
                found[f"{name}: {place}"] = _flat(leaf)
        elif "checkpoints" in name or name == "environment.json":
            continue
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                for own in arrays.files:
                    if arrays[own].dtype.kind in "bif":  # the seal is text
                        found[f"{name}: {own}"] = _flat(arrays[own])
        elif path.suffix in (".json", ".jsonl"):
            for field, number in _numbers_in(_values(path)):
                found.setdefault(f"{name}: {field}", []).append(number)
    return found


def differences(one: Numbers, other: Numbers) -> dict[str, float]:
    """How far numbers are from each other, the furthest first.

    Args:
      one: of a run.
      other: of another.

    Returns:
      By artefact and field, where there is a difference: the largest, as a share of the
      largest number; inf where there are not as many.
    """
    names = dict.fromkeys([*one, *other])
    found = {name: _difference(one.get(name), other.get(name)) for name in names}
    wrong = {name: value for name, value in found.items() if value}
    return dict(sorted(wrong.items(), key=lambda item: -item[1]))


def _difference(one: Sequence[float] | None, other: Sequence[float] | None) -> float:
    if one is None or other is None or len(one) != len(other):
        return math.inf
    first, second = np.asarray(one), np.asarray(other)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    if same.all():
        return 0.0
    largest = np.abs(first[np.isfinite(first)]).max(initial=_LEAST)
    return float(np.abs(first - second)[~same].max() / largest)


def _flat(array: np.ndarray) -> list[float]:
    numbers: list[float] = array.astype(np.float64).ravel().tolist()
    return numbers


def _values(path: pathlib.Path) -> Any:
    if path.suffix == ".json":
        return without_times(read_json(path), measured=False)
    lines = path.read_text(encoding="utf-8").splitlines()
    return [without_times(json.loads(line), measured=False) for line in lines]


def _numbers_in(value: Any, field: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a JSON value, each with the names on the way to it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _numbers_in(each, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for each in value:
            yield from _numbers_in(each, field)
    elif isinstance(value, int | float):
        yield field, float(value)
