"""Hand-made networks beside the winner, narrowed to what it may cost."""

from collections.abc import Mapping

import numpy as np

from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.spaces import NetworkSpace, hand_made, narrowed

_STEPS = 32  # widths that are tried are multiples of 1 / _STEPS


def fitted(
    name: str,
    input_shape: tuple[int, ...],
    num_outputs: int,
    limits: Mapping[str, float],
) -> tuple[Supernet, float]:
    """The widest version of a network that keeps limits.

    Args:
      name: see `spaces.hand_made`.
      input_shape: [height, width, channels].
      num_outputs: of the classifier.
      limits: by name of the cost (`params`, `macs`); none: as published.

    Returns:
      The network, of a single architecture, and its share of the published channels;
      the narrowest where none keeps the limits.

    Raises:
      UserError: there is no such network.
    """
    space = hand_made(name, input_shape, num_outputs)
    low, high = 0, _STEPS
    if _fits(space, limits):
        low = _STEPS
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(_narrow(space, middle), limits):
            low = middle
        else:
            high = middle
    steps = max(low, 1)
    return build_supernet(_narrow(space, steps)), steps / _STEPS


def _narrow(space: NetworkSpace, steps: int) -> NetworkSpace:
    found = narrowed(space, steps / _STEPS)
    assert isinstance(found, NetworkSpace)
    return found


def _fits(space: NetworkSpace, limits: Mapping[str, float]) -> bool:
    arch = np.zeros((1, space.num_layers), np.int32)
    costs = build_supernet(space).cost_table().cost(arch)
    return all(costs[name][0] <= most for name, most in limits.items())
