"""What a package needs, and how large that is, by what is installed here."""

import importlib.metadata
import pathlib
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parents[2]


def project() -> dict[str, Any]:
    """The content of `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def plain(name: str) -> str:
    """A package's name in the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(roots: Iterable[str]) -> set[str]:
    """Packages and all that they need.

    Args:
      roots: requirements, as in `pyproject.toml`.

    Returns:
      Names, in the form of `plain`.

    Raises:
      importlib.metadata.PackageNotFoundError: one is not installed.
    """
    seen: set[tuple[str, tuple[str, ...]]] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        one = todo.pop()
        extras = tuple(sorted(one.extras))
        if (plain(one.name), extras) in seen:
            continue
        seen.add((plain(one.name), extras))
        for other in map(Requirement, importlib.metadata.requires(one.name) or []):
            marker = other.marker
            if marker is None or any(
                marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                todo.append(other)
    return {name for name, _ in seen}


def num_bytes(name: str) -> int:
    """Bytes of an installed package, as its own list of files has them."""
    found = importlib.metadata.files(name) or []
    paths = (pathlib.Path(str(file.locate())) for file in found)
    return sum(path.stat().st_size for path in paths if path.is_file())
