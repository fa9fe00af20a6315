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


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """A Markdown table of some columns."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [row[column] for column in columns]
        texts = [f"{c:.5g}" if isinstance(c, float) else str(c) for c in cells]
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)
