"""Files of others are as their authors published them, with their licence."""

import hashlib
import importlib.resources

import pytest

DIGESTS = {
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uPlot.iife.min.js": (
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    ),
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
FOLDER = importlib.resources.files("qnas_jax") / "reporting" / "vendored"


@pytest.mark.parametrize("name", DIGESTS)
def test_digest(name):
    content = FOLDER.joinpath(name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == DIGESTS[name]


def test_nothing_else_is_there():
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {*DIGESTS, "README.md"}
    assert "uPlot 1.6.32" in FOLDER.joinpath("README.md").read_text(encoding="utf-8")
