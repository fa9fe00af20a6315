"""The work folder of a run."""

import contextlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from qnas_jax.runs.errors import RunError
from qnas_jax.runs.json_files import read_object
from qnas_jax.runs.lock import locked
from qnas_jax.runs.rows import RowLog

LAYOUT = 3
"""Version of what a work folder holds; folders of another version are refused."""


class WorkFolder:
    """One run's files.

    Attributes:
      path: the folder; made if absent.
      metrics: the rows of `metrics.jsonl`.
      writers: functions that are told the stage and the values of each row too.
    """

    def __init__(self, path: str | pathlib.Path):
        """Opens or makes a work folder.

        Args:
          path: the folder.

        Raises:
          RunError: the path names a file, or the folder cannot be made.
        """
        self.path = pathlib.Path(path)
        self.writers: list[Callable[[str, Mapping[str, Any]], object]] = []
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"--workdir: got {path}, a file; expected a folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"--workdir: got {path}, expected a folder that can be made ({error})"
            ) from None
        self.metrics = RowLog(
            self.path / "metrics.jsonl",
            "do the stage of that line again by --stage=<its name>",
        )

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Holds the folder for this process, see `locked`."""
        return locked(self.path)

    def check_layout(self) -> None:
        """Raises RunError if the folder holds a run of another layout."""
        path = self.path / "config.json"
        if not path.exists():
            return
        layout = read_object(path).get("layout", 1)
        if layout != LAYOUT:
            raise RunError(
                f"{path}: made by another version (layout {layout}, this one reads "
                f"{LAYOUT}); use another --workdir"
            )

    def log(self, stage: str, **values: Any) -> None:
        """Appends a row to `metrics.jsonl`."""
        self.metrics.append([{"stage": stage, **values}])
        for write in self.writers:
            write(stage, values)
