"""`requirements.txt` holds all that `make search` needs, pinned, and no more."""

import importlib.metadata
import pathlib
import re
import tomllib

import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lines(file: str) -> list[str]:
    found = (ROOT / file).read_text().splitlines()
    return [line for line in found if line and not line.startswith(("#", "-"))]


def needed(roots: list[str]) -> set[str]:
    """Names of packages and of all that they need here, by what is installed."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        one = todo.pop()
        extras = tuple(sorted(one.extras))
        if (plain(one.name), extras) in seen:
            continue
        seen.add((plain(one.name), extras))
        for text in importlib.metadata.requires(one.name) or []:
            other = Requirement(text)
            marker = other.marker
            if marker is None or any(
                marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                todo.append(other)
    return {name for name, _ in seen}


def test_nothing_is_missing_and_nothing_too_much():
    pytest.importorskip("hatchling", reason="the build tool is not installed")
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    roots = [*whole["project"]["dependencies"], *whole["build-system"]["requires"]]
    assert needed(roots) == set(map(plain, lines("requirements.txt")))


def test_every_package_has_a_version():
    pinned = {plain(line.partition("==")[0]) for line in lines("constraints.txt")}
    assert set(map(plain, lines("requirements.txt"))) <= pinned
    assert "--constraint constraints.txt\n" in (ROOT / "requirements.txt").read_text()


def test_a_missing_one_would_be_seen():
    assert {"tqdm", "absl-py", "chex"} < needed(["chex", "tqdm"])
    assert "chex" not in needed(["tqdm"])
