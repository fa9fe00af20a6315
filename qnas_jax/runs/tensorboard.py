"""Metrics as TensorBoard shows them, beside the rows of `metrics.jsonl`.

A scalar is named by its stage, and by the network where a stage trains several; its
step is the epoch or the generation.
"""

import dataclasses
import importlib.util
import pathlib
from collections.abc import Mapping
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option

_STEPS = ("epoch", "generation")
_SECONDS = 5  # until rows are in the file; a kill may lose those of the last ones


@dataclasses.dataclass(frozen=True)
class LoggingOptions(Options):
    """Where metrics are written besides `metrics.jsonl`."""

    tensorboard: bool = option(
        False, "events for TensorBoard in <workdir>/tensorboard; takes an extra"
    )


class TensorBoard:
    """Event files in a folder, written as rows come, by a thread of the package."""

    def __init__(self, folder: pathlib.Path):
        """Nothing is written before the first row.

        Args:
          folder: of the event files.

        Raises:
          UserError: the package that writes them is not installed.
        """
        if importlib.util.find_spec("tensorboardX") is None:
            raise UserError(
                "logging.tensorboard: tensorboardX is not installed; install it by pip "
                "install 'qnas_jax[tensorboard]'"
            )
        self._folder = folder
        self._writer: Any = None

    def write(self, stage: str, values: Mapping[str, Any]) -> None:
        """Writes the numbers of a row.

        Args:
          stage: that it is of.
          values: the row; what is no number, or says which step it is, is left out.
        """
        from tensorboardX import SummaryWriter

        step = next((values[name] for name in _STEPS if name in values), 0)
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), flush_secs=_SECONDS)
        tag = "/".join([stage, *([values["network"]] if "network" in values else [])])
        for name, value in values.items():
            if type(value) in (int, float) and name not in _STEPS:
                self._writer.add_scalar(f"{tag}/{name}", value, step)
