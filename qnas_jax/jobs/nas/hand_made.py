"""Hand-made networks beside the winner, narrowed to what it may cost."""

import importlib.util
from collections.abc import Mapping

import numpy as np

from qnas_jax.baselines import CLASSIFIERS
from qnas_jax.errors import UserError
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.spaces import SERIES_NETWORKS, NetworkSpace, hand_made, narrowed

_SERIES_AXES = 2
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
      input_shape: [height, width, channels], or of series [steps, channels].
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


def check_baseline(
    name: str, input_shape: tuple[int, ...], num_outputs: int, words: int = 0
) -> None:
    """Checks that there is such a network or classifier for such inputs.

    Args:
      name: of `retrain.baselines`.
      input_shape: of one input, as networks see it.
      num_outputs: of the classifier.
      words: that there are in text; 0: the inputs are no text.

    Raises:
      UserError: there is none; the message lists those that there are. Or what it
        needs is not installed.
    """
    if words:
        raise UserError(
            f"baselines: got {name!r}, expected none: there are none of text"
        )
    if len(input_shape) != _SERIES_AXES:
        hand_made(name, input_shape, num_outputs)
    elif name not in (*SERIES_NETWORKS, *CLASSIFIERS):
        known = ", ".join((*SERIES_NETWORKS, *CLASSIFIERS))
        raise UserError(f"baselines: got {name!r}, expected of series one of {known}")
    elif name in CLASSIFIERS and not _is_there(CLASSIFIERS[name].needs):
        raise UserError(
            f"baselines: got {name!r}, which needs {CLASSIFIERS[name].needs}: "
            "pip install 'qnas_jax[baselines]'"
        )


def _is_there(module: str) -> bool:
    return not module or importlib.util.find_spec(module) is not None


def _narrow(space: NetworkSpace, steps: int) -> NetworkSpace:
    found = narrowed(space, steps / _STEPS)
    assert isinstance(found, NetworkSpace)
    return found


def _fits(space: NetworkSpace, limits: Mapping[str, float]) -> bool:
    arch = np.zeros((1, space.num_layers), np.int32)
    costs = build_supernet(space).cost_table().cost(arch)
    return all(costs[name][0] <= most for name, most in limits.items())
