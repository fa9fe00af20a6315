"""How a run tells people where it is, or tells nobody."""

from typing import Any

from qnas_jax.runs import ShownProgress, WorkFolder

SILENT: dict[str, Any] = {
    "say": lambda line: None,
    "progress": lambda steps, count, description: steps,
}
"""What `open_setting` takes where nobody is told."""


def speaking(folder: WorkFolder) -> dict[str, Any]:
    """What `open_setting` takes where the standard error is read.

    Args:
      folder: of the run; the newest numbers are those of its metrics.

    Returns:
      `say`, `progress` and `during`.
    """
    shown = ShownProgress(folder.metrics)
    return {"say": shown.say, "progress": shown, "during": shown.stage}
