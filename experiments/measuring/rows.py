"""Results are data: every experiment writes JSONL rows with what made them."""

import json
import pathlib
import platform
import subprocess
from collections.abc import Iterable
from typing import Any

import jax

from qnas_jax.files import replace_file


def provenance() -> dict[str, Any]:
    """Versions, device and commit of this process."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return {
        "jax": jax.__version__,
        "python": platform.python_version(),
        "device": jax.devices()[0].device_kind,
        "commit": result.stdout.strip() or None,
    }


def write_rows(path: str | None, rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows with their provenance whole or not at all, if a file is named."""
    if not path:
        return
    made_by = provenance()
    text = "".join(json.dumps({**row, **made_by}) + "\n" for row in rows)
    replace_file(pathlib.Path(path), text.encode())


def read_rows(path: str | None) -> list[dict[str, Any]]:
    """Rows that a file has so far; a last line that was cut off is left out."""
    if not path or not pathlib.Path(path).exists():
        return []
    whole = pathlib.Path(path).read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def append_rows(
    path: str | None,
    rows: Iterable[dict[str, Any]],
    made_by: dict[str, Any] | None = None,
) -> None:
    """Adds rows with their provenance, all or none, if a file is named.

    Args:
      path: JSONL file; None: nothing is written.
      rows: what belongs together.
      made_by: its `provenance`; that of this process if None.
    """
    if not path:
        return
    file = pathlib.Path(path)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    whole = before[: before.rfind("\n") + 1]
    made_by = made_by or provenance()
    text = "".join(json.dumps({**row, **made_by}) + "\n" for row in rows)
    replace_file(file, (whole + text).encode())


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """A Markdown table of some columns."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [row[column] for column in columns]
        texts = [f"{c:.5g}" if isinstance(c, float) else str(c) for c in cells]
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)
