"""Results are data: every experiment writes JSONL rows with what made them."""

import json
import pathlib
import platform
import subprocess
from collections.abc import Iterable
from typing import Any

import jax


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
    """Writes rows with their provenance, if a file is named."""
    if not path:
        return
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    made_by = provenance()
    text = "".join(json.dumps({**row, **made_by}) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")


def read_rows(path: str | None) -> list[dict[str, Any]]:
    """Rows that a file has so far; a last line that was cut off is left out."""
    if not path or not pathlib.Path(path).exists():
        return []
    whole = pathlib.Path(path).read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def append_row(
    path: str | None, row: dict[str, Any], made_by: dict[str, Any] | None = None
) -> None:
    """Adds a row with its provenance, if a file is named.

    Args:
      path: JSONL file; None: nothing is written.
      row: what it is to say.
      made_by: its `provenance`; that of this process if None.
    """
    if not path:
        return
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    whole = before[: before.rfind("\n") + 1]
    line = json.dumps({**row, **(made_by or provenance())}) + "\n"
    file.write_text(whole + line, encoding="utf-8")


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """A Markdown table of some columns."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [row[column] for column in columns]
        texts = [f"{c:.5g}" if isinstance(c, float) else str(c) for c in cells]
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)
