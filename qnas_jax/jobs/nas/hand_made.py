"""Hand-made networks beside the winner, narrowed to what it may cost."""

import importlib.util
from collections.abc import Callable, Mapping

import numpy as np

from qnas_jax.baselines import CLASSIFIERS, LANGUAGE_MODELS, TEXT_CLASSIFIERS
from qnas_jax.data import IMAGES, LANGUAGE, SERIES, TEXT
from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.spaces import (
    SERIES_NETWORKS,
    TEXT_NETWORKS,
    NetworkSpace,
    hand_made,
    narrowed,
)

_STEPS = 32  # widths that are tried are multiples of 1 / _STEPS

Keeps = Callable[[float, Supernet], bool]
"""(share of the published channels, the network) -> whether it does what is asked."""


def hand_made_of(setting: NasSetting, name: str) -> NetworkSpace:
    """A hand-made network for the data of a run.

    Args:
      setting: the run.
      name: see `spaces.hand_made`.

    Returns:
      A space of that network alone.

    Raises:
      UserError: there is no such network.
    """
    task, language = setting.task, setting.kind == LANGUAGE
    return hand_made(
        name, task.input_shape, task.num_outputs, setting.words, language=language
    )


def fitted(
    space: NetworkSpace, limits: Mapping[str, float], keeps: Keeps | None = None
) -> tuple[Supernet, float]:
    """The widest version of a network that keeps limits.

    Args:
      space: of the network, as published.
      limits: by name of the cost (`params`, `macs`); none: as published.
      keeps: what else a version has to do, asked of those that keep the limits.

    Returns:
      The network, of a single architecture, and its share of the published channels;
      the narrowest where none keeps the limits.
    """

    def fits(steps: int) -> bool:
        supernet, width = build_supernet(_narrow(space, steps)), steps / _STEPS
        return _fits(supernet, limits) and (keeps is None or keeps(width, supernet))

    low, high = 0, _STEPS
    if fits(_STEPS):
        low = _STEPS
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    steps = max(low, 1)
    return build_supernet(_narrow(space, steps)), steps / _STEPS


def asked_limits(setting: NasSetting) -> dict[str, float]:
    """Limits on parameters and multiply-accumulates that a run was asked for.

    Networks of text are told apart by their parameters: those of an LSTM or of
    attention are few for their multiply-accumulates, and a table of words has none.
    """
    names = ("params",) if setting.words else ("params", "macs")
    asked = setting.config.constraints.limits().items()
    return {name: most for name, most in asked if name in names}


_KNOWN = {
    SERIES: (*SERIES_NETWORKS, *CLASSIFIERS),
    TEXT: (*TEXT_NETWORKS, *TEXT_CLASSIFIERS),
    LANGUAGE: (*TEXT_NETWORKS, *LANGUAGE_MODELS),
}
"""What there is for each kind of data; of images see `spaces.hand_made`."""


def check_baseline(setting: NasSetting, name: str) -> None:
    """Checks that there is such a network or classifier for the data of a run.

    Args:
      setting: the run.
      name: of `retrain.baselines`.

    Raises:
      UserError: there is none; the message lists those that there are. Or what it
        needs is not installed.
    """
    if setting.kind == IMAGES:
        hand_made_of(setting, name)
    elif name not in _KNOWN[setting.kind]:
        known = ", ".join(_KNOWN[setting.kind])
        raise UserError(
            f"baselines: got {name!r}, expected of {setting.kind} one of {known}"
        )
    elif not _is_there(_needs(name)):
        raise UserError(
            f"baselines: got {name!r}, which needs {_needs(name)}: "
            "pip install 'qnas_jax[baselines]'"
        )


def _needs(name: str) -> str:
    """The module of an extra that a classifier needs; "" for none."""
    found = {**CLASSIFIERS, **TEXT_CLASSIFIERS}.get(name)
    return found.needs if found else ""


def _is_there(module: str) -> bool:
    return not module or importlib.util.find_spec(module) is not None


def _narrow(space: NetworkSpace, steps: int) -> NetworkSpace:
    found = narrowed(space, steps / _STEPS)
    assert isinstance(found, NetworkSpace)
    return found


def _fits(supernet: Supernet, limits: Mapping[str, float]) -> bool:
    arch = np.zeros((1, supernet.space.num_layers), np.int32)
    costs = supernet.cost_table().cost(arch)
    return all(costs[name][0] <= most for name, most in limits.items())
