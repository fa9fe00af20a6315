"""`requirements.txt` holds all that `make search` needs, pinned, and no more."""

import contextlib
import importlib.metadata

import pytest

from experiments.benches.install_size import sizes
from experiments.measuring.installed import ROOT, needed, plain, project


def lines(file: str) -> list[str]:
    found = (ROOT / file).read_text().splitlines()
    return [line for line in found if line and not line.startswith(("#", "-"))]


def test_nothing_is_missing_and_nothing_too_much():
    pytest.importorskip("hatchling", reason="the build tool is not installed")
    for line in lines("constraints.txt"):
        name, _, version = line.partition("==")
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if importlib.metadata.version(name) != version:
                pytest.skip(f"{name} is not the pinned one, and may need others")
    whole = project()
    roots = [*whole["project"]["dependencies"], *whole["build-system"]["requires"]]
    assert needed(roots) == set(map(plain, lines("requirements.txt")))


def test_every_package_has_a_version():
    pinned = {plain(line.partition("==")[0]) for line in lines("constraints.txt")}
    assert set(map(plain, lines("requirements.txt"))) <= pinned
    assert "--constraint constraints.txt\n" in (ROOT / "requirements.txt").read_text()


def test_a_missing_one_would_be_seen():
    assert {"tqdm", "absl-py", "chex"} < needed(["chex", "tqdm"])
    assert "chex" not in needed(["tqdm"])


def test_sizes_are_those_of_what_is_needed():
    whole = sizes([])
    assert set(whole) == needed(project()["project"]["dependencies"])
    assert next(iter(whole)) == "jaxlib" and whole["jaxlib"] > 100
    without = sizes(["tensorflow_datasets"])
    assert "pyarrow" in whole and "pyarrow" not in without and "jaxlib" in without
