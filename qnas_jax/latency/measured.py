"""Measured latencies of networks of a space, from a user's file.

Two forms. CSV, which is easily written: an architecture a line, ops joined by `|` as in
reports, and a column of milliseconds for each device:

    arch,my phone
    mb3_k3|skip|mb6_k5,4.25
    mb1_k3|mb3_k3|skip,3.5

npz: as in `samples.py`, the form of public samples.

Ops may have the names of FBNet's samples (`k3_e1`, `k5_e1_g2`), for which `fbnet_s` and
`fbnet_l` say `mb1_k3` and `mb1_k5_g2`.
"""

import pathlib
import re

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.latency.csv_rows import read_csv
from qnas_jax.latency.samples import LatencySamples, read_samples
from qnas_jax.latency.tables import milliseconds
from qnas_jax.options import shown
from qnas_jax.spaces import SearchSpace, parse_arch
from qnas_jax.spaces.encoding import SEPARATOR

_FBNET = re.compile(r"k(\d+)_e(\d+)((?:_g\d+)?)")


def read_measured(path: str | pathlib.Path, space: SearchSpace) -> LatencySamples:
    """Reads measured networks of a space.

    Args:
      path: a file of one of the forms above, by its ending.
      space: whose architectures they are.

    Returns:
      The samples, of this space.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is none of these forms, or holds an architecture of another space or
        a latency that is no positive number.
    """
    file = pathlib.Path(path).expanduser()
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if file.suffix.lower() not in readers:
        raise UserError(f"{path}: expected measured networks, .csv or .npz")
    samples = readers[file.suffix.lower()](file, space)
    for device, latency_ms in samples.latency_ms.items():
        if not (latency_ms > 0).all():
            raise UserError(f"{path}: {device}: got 0 ms, expected positive numbers")
    return samples


def of_device(
    samples: LatencySamples, device: str, path: str
) -> tuple[str, np.ndarray]:
    """The latencies of one device.

    Args:
      samples: of one or several devices.
      device: its name; empty: there is only one.
      path: where they come from, for the error.

    Returns:
      The name, and milliseconds float64 [N].

    Raises:
      UserError: there is no such device, or there are several to choose from.
    """
    names = list(samples.latency_ms)
    if not device and len(names) == 1:
        device = names[0]
    if device not in names:
        raise UserError(
            f"latency.device: got {device!r}, expected one of {', '.join(names)}, the "
            f"devices of {path}"
        )
    return device, samples.latency_ms[device]


def own_name(op: str, names: tuple[str, ...]) -> str:
    """The name that a space has for an op of a file, or the same if it has none."""
    match = _FBNET.fullmatch(op)
    if op in names or match is None:
        return op
    kernel, expansion, groups = match.groups()
    return f"mb{expansion}_k{kernel}{groups}"


def _parsed(space: SearchSpace, ops: list[str], where: str) -> np.ndarray:
    # Of another number of layers no name is looked up, but the number refused.
    layers = (*space.choices, *[()] * max(len(ops) - space.num_layers, 0))
    named = [own_name(op, own) for op, own in zip(ops, layers, strict=False)]
    try:
        return parse_arch(space, named)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _read_csv(path: pathlib.Path, space: SearchSpace) -> LatencySamples:
    rows = read_csv(path)
    head = rows[0] if rows else []
    devices = head[1:]
    if head[:1] != ["arch"] or not devices or len(set(devices)) < len(devices):
        raise UserError(
            f"{path}: line 1: got {shown(head)}, expected arch and the names of devices"
        )
    archs, latency = [], []
    for number, row in enumerate(rows[1:], start=2):
        where = f"{path}: row {number}"
        if len(row) != len(head):
            raise UserError(f"{where}: got {len(row)} cells, expected {len(head)}")
        archs.append(_parsed(space, row[0].split(SEPARATOR), where))
        latency.append([milliseconds(cell, where) for cell in row[1:]])
    if not archs:
        raise UserError(f"{path}: got no networks, expected a line for each")
    columns = np.asarray(latency).T
    return LatencySamples(
        space, np.stack(archs), dict(zip(devices, columns, strict=True))
    )


def _read_npz(path: pathlib.Path, space: SearchSpace) -> LatencySamples:
    found = read_samples(path, space.name)
    distinct = found.space.choices[0]
    if found.space.num_layers != space.num_layers:
        raise UserError(
            f"{path}: got {found.space.num_layers} layers, expected "
            f"{space.num_layers}, those of space {space.name!r}"
        )
    archs = np.empty_like(found.archs)
    for layer, names in enumerate(space.choices):
        used = np.unique(found.archs[:, layer])
        own = {op: own_name(distinct[op], names) for op in used.tolist()}
        unknown = [distinct[op] for op, name in own.items() if name not in names]
        if unknown:
            raise UserError(
                f"{path}: got op {shown(unknown[0])} at layer {layer}, expected one "
                f"of {', '.join(names)} of space {space.name!r}"
            )
        places = np.zeros(len(distinct), np.int32)
        places[used] = [names.index(own[op]) for op in used.tolist()]
        archs[:, layer] = places[found.archs[:, layer]]
    return LatencySamples(space, archs, found.latency_ms)
