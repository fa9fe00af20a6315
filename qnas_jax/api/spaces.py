"""Spaces of networks by name, what their architectures are, and what they cost."""

import pathlib
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.latency import read_latency_table
from qnas_jax.nets import build_supernet
from qnas_jax.options import shown
from qnas_jax.spaces import (
    BuildableSpace,
    CostTable,
    SearchSpace,
    SpaceOptions,
    arch_to_string,
    build_space,
    check_archs,
    parse_arch,
)


def make_space(
    name: str, input_shape: tuple[int, ...], num_outputs: int, *, words: int = 0
) -> SearchSpace:
    """Builds a space that has a name.

    >>> import qnas_jax as qnas
    >>> space = qnas.make_space("digits_tiny", (8, 8, 1), 10)
    >>> space.size, space.choices[1]
    (576, ('mb2_k3', 'mb4_k5', 'mb4_k3_se'))

    Args:
      name: of `available("spaces")`, or one that `register_space` was told.
      input_shape: (height, width, channels) of images, (steps, channels) of series,
        (words, digits) of text.
      num_outputs: how many classes there are.
      words: that are known of text; 0 for other data.

    Returns:
      The space.

    Raises:
      UserError: there is no such space, or it is for other data.
    """
    return build_space(SpaceOptions(name=name), tuple(input_shape), num_outputs, words)


def cost_table(
    space: SearchSpace, *, latency: str | pathlib.Path | None = None
) -> CostTable:
    """Counts what every op of a space costs, for one input.

    >>> import qnas_jax as qnas
    >>> costs = qnas.cost_table(qnas.make_space("digits_tiny", (8, 8, 1), 10))
    >>> found = costs.cost([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    >>> sorted(found), bool(found["params"][0] < found["params"][1])
    (['bytes_16', 'bytes_32', 'bytes_8', 'macs', 'params'], True)

    Args:
      space: of networks.
      latency: a table of milliseconds (JSON, CSV or npz, or what `--stage=latency`
        left); None: nothing is known of them.

    Returns:
      The table; `.cost(archs)` gives `params`, `macs` (multiply-accumulates),
      `bytes_32` (`_16`, `_8`) and with a table `latency_ms` of architectures [P, L].

    Raises:
      UserError: its architectures are no networks, an op cannot be computed, or the
        latencies are of another space.
    """
    costs = build_supernet(_buildable(space)).cost_table()
    if latency is None:
        return costs
    return costs.joined(read_latency_table(pathlib.Path(latency), space))


def describe(space: SearchSpace, arch: Any) -> dict[str, Any]:
    """Says what an architecture is and what it costs.

    >>> import qnas_jax as qnas
    >>> space = qnas.make_space("digits_tiny", (8, 8, 1), 10)
    >>> found = qnas.describe(space, "mb2_k3|mb4_k5|skip|mb2_k3|skip")
    >>> found["arch"], found["params"], len(found["layers"])
    ([0, 1, 3, 0, 3], 16058, 9)

    Args:
      space: of networks.
      arch: op numbers, op names, or names joined by `|`.

    Returns:
      `arch`, `string`, the costs of `cost_table`, `peak_bytes` (the most that the
      activations of one input take) and `layers`.

    Raises:
      UserError: it is no architecture of the space, or an op cannot be computed.
    """
    supernet = build_supernet(_buildable(space))
    value = arch.tolist() if hasattr(arch, "tolist") else arch
    one = check_archs(space, parse_arch(space, value))[None]
    costs = supernet.cost_table().cost(one)
    return {
        "arch": one[0].tolist(),
        "string": arch_to_string(space, one[0]),
        **{name: values[0].item() for name, values in costs.items()},
        "peak_bytes": int(supernet.peak_bytes(one)[0]),
        "layers": supernet.describe_arch(one[0]),
    }


def _buildable(space: Any) -> BuildableSpace:
    if not isinstance(space, BuildableSpace):
        raise UserError(
            f"space: got {type(space).__name__} {shown(getattr(space, 'name', space))},"
            " expected one of networks, as of make_space or NetworkSpace"
        )
    return space
