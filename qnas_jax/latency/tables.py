"""Latency of every op on a device, from a file: what a budget in milliseconds reads.

The latency of an architecture is taken as a sum: a base (stem, head, the call itself)
and the op of each layer, in milliseconds for one input. Three forms of file:

JSON, which `--stage=latency` writes (other keys say how it was measured):

    {"device": "my phone", "base_ms": 0.8,
     "layers": [{"mb3_k3": 0.21, "skip": 0.0}, {"mb3_k3": 0.18, "skip": 0.0}]}

CSV, layers counted from 0, a line without op for the base:

    layer,op,ms
    ,,0.8
    0,mb3_k3,0.21
    0,skip,0.0

npz: `layer` int [N], `op` str [N], `ms` float [N], and perhaps `base_ms`.

Every op of the space must be there, and no other; the base may be missing, which is 0.
"""

import math
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.latency.csv_rows import read_csv
from qnas_jax.latency.predictor import LATENCY
from qnas_jax.options import shown
from qnas_jax.reading import parse_json, read_bytes, read_npz
from qnas_jax.spaces import CostTable, SearchSpace

Entry = tuple[Any, Any, Any, str]
"""Layer, op, milliseconds, and where it stands in the file."""


def read_latency_table(path: str | pathlib.Path, space: SearchSpace) -> CostTable:
    """Reads the latencies of a space's ops.

    Args:
      path: a file of one of the forms above, by its ending.
      space: whose ops they are.

    Returns:
      `latency_ms` by layer and op, float64.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is none of these forms, an op is missing or none of the space, or a
        latency is no number of at least 0.
    """
    file = pathlib.Path(path)
    readers = {".json": _read_json, ".csv": _read_csv, ".npz": _read_npz}
    if file.suffix.lower() not in readers:
        raise UserError(f"{path}: expected a latency table, .json, .csv or .npz")
    entries, base = readers[file.suffix.lower()](file)
    table = np.full((space.num_layers, space.max_ops), np.nan)
    for layer, op, value, where in entries:
        place = _place(space, layer, op, f"{path}: {where}")
        if not np.isnan(table[place]):
            raise UserError(f"{path}: {where}: op {op!r} of layer {layer} twice")
        table[place] = milliseconds(value, f"{path}: {where}")
    for number, names in enumerate(space.choices):
        missing = np.flatnonzero(np.isnan(table[number, : len(names)]))
        if missing.size:
            raise UserError(
                f"{path}: no latency of op {names[missing[0]]!r} at layer {number} of "
                f"space {space.name!r}, expected all of {', '.join(names)}"
            )
    fixed = milliseconds(base, f"{path}: base_ms")
    return CostTable({LATENCY: np.nan_to_num(table)}, {LATENCY: fixed}, space.num_ops)


def latency_content(space: SearchSpace, table: CostTable) -> dict[str, Any]:
    """What a JSON file holds of a table.

    Args:
      space: names the ops.
      table: has `latency_ms`.

    Returns:
      `base_ms` and `layers`, as above.
    """
    layers = [
        {name: float(table.by_op[LATENCY][layer, op]) for op, name in enumerate(names)}
        for layer, names in enumerate(space.choices)
    ]
    return {"base_ms": float(table.fixed[LATENCY]), "layers": layers}


def _read_json(path: pathlib.Path) -> tuple[Iterable[Entry], Any]:
    content = parse_json(read_bytes(path), str(path))
    layers = content.get("layers") if isinstance(content, dict) else None
    if not isinstance(layers, list) or not all(isinstance(x, dict) for x in layers):
        raise UserError(
            f'{path}: expected {{"base_ms": ms, "layers": [{{"op": ms, ...}}, ...]}}'
        )
    entries = [
        (layer, op, value, f"layers[{layer}]")
        for layer, ops in enumerate(layers)
        for op, value in ops.items()
    ]
    return entries, content.get("base_ms", 0.0)


def _read_csv(path: pathlib.Path) -> tuple[Iterable[Entry], Any]:
    rows = read_csv(path)
    head = rows[0] if rows else []
    if head != ["layer", "op", "ms"]:
        raise UserError(f"{path}: line 1: got {shown(head)}, expected layer,op,ms")
    entries, base = [], "0"
    for number, row in enumerate(rows[1:], start=2):
        where = f"row {number}"
        if len(row) != 3:
            raise UserError(f"{path}: {where}: got {len(row)} cells, expected 3")
        layer, op, value = row
        if not layer and not op:
            base = value
        else:
            entries.append((layer, op, value, where))
    return entries, base


def _read_npz(path: pathlib.Path) -> tuple[Iterable[Entry], Any]:
    found = read_npz(path, what="a latency table")
    columns = [found.get(name) for name in ("layer", "op", "ms")]
    lengths = {None if each is None else each.shape for each in columns}
    if len(lengths) != 1 or len(next(iter(lengths)) or ()) != 1:
        raise UserError(f"{path}: expected arrays layer, op and ms of one length")
    rows = zip(*(each.tolist() for each in columns if each is not None), strict=True)
    entries = [(*row, f"entry {number}") for number, row in enumerate(rows)]
    return entries, found.get("base_ms", np.zeros(())).tolist()


def _place(space: SearchSpace, layer: Any, op: Any, where: str) -> tuple[int, int]:
    """Indices of layer and op."""
    try:
        number = int(layer)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number < space.num_layers:
        raise UserError(
            f"{where}: got layer {shown(layer)}, expected 0..{space.num_layers - 1} of "
            f"space {space.name!r}"
        )
    names = space.choices[number]
    if op not in names:
        raise UserError(
            f"{where}: got op {shown(op)} at layer {number}, expected one of "
            f"{', '.join(names)}"
        )
    return number, names.index(op)


def milliseconds(value: Any, where: str) -> float:
    """Milliseconds from what a file holds; raises UserError unless at least 0."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise UserError(
            f"{where}: got {shown(value)}, expected milliseconds of at least 0"
        )
    return number
