"""Measured latencies of whole architectures, on one or several devices, from a file.

An npz file with
    ops          integers [N, L], the op of each layer as an index into
    op_names     [K], the same ops at every layer
    devices      [D], names
    latency_ms   float [N, D], milliseconds

Public samples of this form: 5,000 architectures of FBNet on 27 devices (Li et al.,
HW-NAS-Bench, ICLR 2021; Lee et al., HELP, NeurIPS 2021).
"""

import dataclasses
import pathlib

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reading import read_npz
from qnas_jax.spaces import SearchSpace


@dataclasses.dataclass(frozen=True, eq=False)
class LatencySamples:
    """Latencies of architectures.

    Attributes:
      space: of the architectures.
      archs: int32 [N, L].
      latency_ms: by device, milliseconds float64 [N].
    """

    space: SearchSpace
    archs: np.ndarray
    latency_ms: dict[str, np.ndarray]


def read_samples(path: str | pathlib.Path, name: str) -> LatencySamples:
    """Reads a file of the form above.

    Args:
      path: the file.
      name: of the space.

    Returns:
      The samples.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is damaged, lacks an array, or holds others than those above.
    """
    wanted = ("ops", "op_names", "devices", "latency_ms")
    found = read_npz(path, wanted, what="a file of latency samples")
    ops, op_names, devices, latency = (found[each] for each in wanted)
    shapes = ops.ndim == 2 and latency.shape == (len(ops), devices.size)
    if not shapes or op_names.ndim != 1 or devices.ndim != 1:
        raise UserError(
            f"{path}: got ops {ops.shape}, op_names {op_names.shape}, devices "
            f"{devices.shape} and latency_ms {latency.shape}, expected (N, L), (K,), "
            "(D,) and (N, D)"
        )
    integers = np.issubdtype(ops.dtype, np.integer)
    if not integers or not len(ops) or ops.min() < 0 or ops.max() >= len(op_names):
        raise UserError(
            f"{path}: ops are not all integers from 0 to {len(op_names) - 1}, the "
            "places in op_names"
        )
    if not np.issubdtype(latency.dtype, np.number) or not np.all(
        np.isfinite(latency) & (latency >= 0)
    ):
        raise UserError(f"{path}: latency_ms are not all finite numbers of at least 0")
    names = tuple(str(each) for each in op_names)
    columns = latency.astype(float).T
    try:
        space = SearchSpace(name, (names,) * ops.shape[1])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return LatencySamples(
        space,
        ops.astype(np.int32),
        {str(key): column for key, column in zip(devices, columns, strict=True)},
    )
