"""What models of running text have lost on each window of the test split.

They stand beside a network's other results, `retrain/<name>/windows.json`, since only
window by window can two models be told apart.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.kernels import jit_network
from qnas_jax.reporting.token_losses import (
    WindowLosses,
    compare_losses,
    loss_intervals,
    worth_of_losses,
)
from qnas_jax.runs import read_sealed, write_sealed
from qnas_jax.tasks import LanguageModelling, sums_of_windows
from qnas_jax.training import StandaloneModel

_WINDOWS = 64  # at once, as outputs are large
_AGAIN = "--stage=retrain does it again"


def outputs_on_test(
    setting: NasSetting, model: StandaloneModel, weights: Any
) -> Iterator[tuple[jax.Array, np.ndarray]]:
    """Outputs and targets of the test split, some windows after the others.

    Args:
      setting: the run.
      model: the network.
      weights: its (params, stats).

    Yields:
      Outputs [N, T, K] and targets int32 [N, T].
    """

    @jit_network
    def run(weights: Any, inputs: jax.Array) -> jax.Array:
        params, stats = weights
        return model.predict(params, stats, setting.task.prepare(inputs))

    test = setting.dataset.test
    for start in range(0, len(test), _WINDOWS):
        part = slice(start, start + _WINDOWS)
        yield run(weights, test.inputs[part]), test.targets[part]


def write_window_losses(
    setting: NasSetting, name: str, parts: Iterable[tuple[Any, Any]]
) -> WindowLosses:
    """Keeps the losses of one model.

    Args:
      setting: the run.
      name: of the model.
      parts: outputs and targets of some windows after the others.

    Returns:
      The losses.
    """
    sums = [jax.device_get(sums_of_windows(*part)) for part in parts]
    losses, tokens = (np.concatenate(each) for each in zip(*sums, strict=True))
    content = {"losses": losses.tolist(), "tokens": tokens.tolist()}
    write_sealed(_path(setting, name), content)
    return _parsed(content)


def add_loss_statistics(
    setting: NasSetting, networks: Mapping[str, dict[str, Any]]
) -> None:
    """Adds intervals to the rows of models, and what the winner has of them.

    Args:
      setting: the run; nothing is done if it is of another task.
      networks: rows by name, the winner's among them; others get `ahead`.

    Raises:
      RunError: the losses of a model are gone or damaged.
    """
    if not isinstance(setting.task, LanguageModelling):
        return
    found = {name: _read(setting, name) for name in networks}
    for name, row in networks.items():
        row["intervals"] = loss_intervals(found[name], list(row))
    winner = found.pop("winner")
    for name, ahead in compare_losses(winner, found).items():
        networks[name]["ahead"] = ahead


def worth_by_losses(
    setting: NasSetting, picks: Iterable[str], aside: str
) -> dict[str, Any] | None:
    """The winner against random networks of its cost, by name."""
    winner, *others = (_read(setting, name) for name in ("winner", *picks))
    return worth_of_losses(winner, others, aside=aside).row() if others else None


def _path(setting: NasSetting, name: str) -> pathlib.Path:
    return setting.folder.path / "retrain" / name / "windows.json"


def _read(setting: NasSetting, name: str) -> WindowLosses:
    return _parsed(read_sealed(_path(setting, name), _AGAIN))


def _parsed(found: dict[str, Any]) -> WindowLosses:
    losses = np.asarray(found["losses"], np.float64)
    return WindowLosses(losses, np.asarray(found["tokens"], np.int64))
