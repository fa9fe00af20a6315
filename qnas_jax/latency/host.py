"""The latency of a space's ops on this machine, and how far their sums can be trusted.

Every op is measured alone: within its block, at its true shapes, normalisation and the
sum with its input included, on several inputs that follow each other in one call. What
a pass of a block costs that computes nothing is taken off each; a call is added once
for the network. Whole networks of random architectures then show what the sums are
worth. Some calibrate them: an op that is measured again and again has its weights in a
cache, a network that runs once reads them from further away; so a network takes a
multiple of the sum and a time for each byte of its weights. Both are additive. Others
judge.

The idea of a table of measured ops: Cai et al., ProxylessNAS, ICLR 2019; Wu et al.,
FBNet, CVPR 2019.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.latency.measuring import (
    CLOCKS,
    RUNTIMES,
    LatencyOptions,
    Measured,
    measure,
)
from qnas_jax.latency.predictor import LATENCY
from qnas_jax.nets import Part
from qnas_jax.spaces import BuildableSpace, CostTable

Measure = Callable[[nnx.Module, tuple[int, ...], int], Measured]
"""(module, shape of one input, inputs of a call) -> its latency for one input."""

_BYTES = "bytes_32"
_PASSES = 10
_NO_ERROR = 0.01  # smaller relative errors count alike
_MOST_DRAWS = 1000  # for each random network that lets something through


class Nothing(nnx.Module):
    """Adds 1 to a number: what a call costs, and a pass of many in one call."""

    def __call__(self, values: jax.Array) -> jax.Array:
        """[N, ...] -> [N, ...]."""
        return values + 1.0


def measurer(options: LatencyOptions, key: jax.Array) -> Measure:
    """How a module is measured with these options, on random inputs.

    Args:
      options: runtime, threads, clock, seconds.
      key: of the inputs; consumed.

    Returns:
      The function.
    """
    runtime, clock = RUNTIMES[options.runtime], CLOCKS[options.clock]

    def measured(module: nnx.Module, shape: tuple[int, ...], count: int) -> Measured:
        inputs = np.asarray(jax.random.normal(key, (count, *shape)))
        run = runtime(module, inputs, options.one_thread)
        return measure(run, options.seconds, clock, count)

    return measured


def name_of(part: Part) -> str:
    """What tells a part from others: op, features, stride, shape of the input."""
    block = part.block
    (op,) = block.ops
    options = ",".join(f"{name}={value}" for name, value in op.options)
    shape = "x".join(map(str, part.input_shape))
    return (
        f"{op.kind}({options}) {block.in_features}->{block.out_features} "
        f"/{block.stride} @{shape}"
    )


def distinct_parts(parts: Sequence[Part]) -> dict[str, Part]:
    """By name one of all parts that are the same."""
    found: dict[str, Part] = {}
    for part in parts:
        found.setdefault(name_of(part), part)
    return found


def sum_table(
    space: BuildableSpace,
    parts: Sequence[Part],
    alone_ms: Mapping[str, float],
    *,
    call_ms: float,
    pass_ms: float,
) -> CostTable:
    """The table of a space's ops, as they are measured alone.

    Args:
      space: the search space.
      parts: of its supernet.
      alone_ms: latency of each distinct part by name.
      call_ms: of a call that computes nothing.
      pass_ms: of an input that nothing is computed of, among others of one call.

    Returns:
      `latency_ms` by place and op; the fixed part is that of the fixed blocks and of
      one call.
    """
    table = np.zeros((space.num_layers, space.max_ops))
    fixed = call_ms
    for part in parts:
        own = part.times * max(alone_ms[name_of(part)] - pass_ms, 0.0)
        if not part.entries:
            fixed += own
        for place, op in part.entries:
            table[place, op] += own
    return CostTable({LATENCY: table}, {LATENCY: fixed}, space.num_ops)


def random_archs(space: BuildableSpace, count: int, seed: int) -> np.ndarray:
    """Distinct architectures that let something through, drawn uniformly.

    Args:
      space: the search space.
      count: how many; fewer where the space has not so many.
      seed: of the draw.

    Returns:
      int32 [at most count, L].
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    for _ in range(_MOST_DRAWS * count):
        if len(found) == min(count, space.size):
            break
        arch = rng.integers(0, space.num_ops)
        if space.lets_through(arch):
            found[tuple(arch.tolist())] = None
    return np.asarray(list(found), np.int32).reshape(-1, space.num_layers)


class Calibration(NamedTuple):
    """What networks take beyond what their parts take alone.

    Attributes:
      scale: of the sum of the parts.
      ms_per_mib: for each mebibyte of weights in float32.
    """

    scale: float = 1.0
    ms_per_mib: float = 0.0

    def apply(self, sums: CostTable, costs: CostTable) -> CostTable:
        """The table of networks.

        Args:
          sums: has `latency_ms`, from parts alone.
          costs: has `bytes_32`.

        Returns:
          `latency_ms` by place and op.
        """
        each = self.ms_per_mib / 2**20
        return CostTable(
            {LATENCY: self.scale * sums.by_op[LATENCY] + each * costs.by_op[_BYTES]},
            {LATENCY: self.scale * sums.fixed[LATENCY] + each * costs.fixed[_BYTES]},
            sums.num_ops,
        )


def calibrate(
    sums_ms: np.ndarray, num_bytes: np.ndarray, measured_ms: np.ndarray
) -> Calibration:
    """Finds both by the least sum of relative errors, none of them negative.

    Args:
      sums_ms: float [N], what the parts of networks add up to.
      num_bytes: [N], of their weights.
      measured_ms: float [N], positive, what the networks take.

    Returns:
      The calibration; without networks that of parts alone.
    """
    from scipy import optimize

    if not len(measured_ms):
        return Calibration()
    terms = np.stack([sums_ms, num_bytes / 2**20], axis=1) / measured_ms[:, None]
    weights = np.ones(len(terms))
    for _ in range(_PASSES):  # least squares, weighted such that they are absolute
        found, _ = optimize.nnls(terms * weights[:, None], weights)
        off = np.abs(terms @ found - 1)
        weights = 1 / np.sqrt(np.maximum(off, _NO_ERROR))
    return Calibration(*found.tolist())


class Agreement(NamedTuple):
    """How far a table tells what networks take.

    Attributes:
      networks: how many were measured.
      spearman: rank correlation; None where all of one side are equal.
      median_error: median of |table - measured| / measured.
    """

    networks: int
    spearman: float | None
    median_error: float


def agreement(table_ms: np.ndarray, measured_ms: np.ndarray) -> Agreement:
    """Holds a table against measured networks.

    Args:
      table_ms: float [N], what the table says.
      measured_ms: float [N], positive.

    Returns:
      The comparison.

    Raises:
      UserError: fewer than two networks.
    """
    from scipy import stats

    if len(table_ms) < 2:
        raise UserError(f"networks: got {len(table_ms)}, expected at least 2")
    varied = np.ptp(table_ms) > 0 and np.ptp(measured_ms) > 0
    rank = float(stats.spearmanr(table_ms, measured_ms).statistic) if varied else None
    off = np.abs(table_ms - measured_ms) / measured_ms
    return Agreement(len(table_ms), rank, float(np.median(off)))
