"""Breaks promises one by one and says which tests notice.

python tests/mutate_promises.py [WORD ...]

copies the project's files into a temporary folder, puts each mutant of `promises/`
whose promise contains one of the words (all without words) into the copy, runs the
tests that it names, and takes it out again. Prints a line a mutant; the exit status is
the number of survivors. A run of all takes some minutes.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from promises import PROMISES, Mutant

ROOT = pathlib.Path(__file__).resolve().parents[1]
_FAILED, _PASSED = 1, 0
"""Exit statuses of pytest: some test failed; all passed."""


def copy_project(folder: pathlib.Path) -> None:
    """Copies what the repository holds, with its changes."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def broken(mutant: Mutant, text: str) -> str:
    """The text of the file with the mutant in it.

    Raises:
      ValueError: the text to be replaced does not occur exactly once.
    """
    count = text.count(mutant.old)
    if count != 1:
        raise ValueError(
            f"{mutant.file}: got {mutant.old!r} {count} times, expected it once"
        )
    return text.replace(mutant.old, mutant.new)


def is_killed(mutant: Mutant, folder: pathlib.Path) -> bool | None:
    """Whether a test of the mutant fails in the copy; None if none could run."""
    file = folder / mutant.file
    whole = file.read_text("utf-8")
    file.write_text(broken(mutant, whole), "utf-8")
    try:
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        status = subprocess.run(
            [*words, *mutant.tests.split()],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
        ).returncode
    finally:
        file.write_text(whole, "utf-8")
    return {_FAILED: True, _PASSED: False}.get(status)


def main(words: Sequence[str]) -> int:
    """Runs the chosen mutants; returns how many were not killed."""
    chosen = [
        mutant
        for mutant in PROMISES
        if not words or any(word in mutant.promise for word in words)
    ]
    left = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        copy_project(folder)
        for mutant in chosen:
            before = time.perf_counter()
            killed = is_killed(mutant, folder)
            seconds = time.perf_counter() - before
            word = {True: "killed", False: "SURVIVES", None: "NOT RUN"}[killed]
            print(f"{word:9} {seconds:5.0f} s  {mutant.promise}", flush=True)
            left += not killed
    print(f"{len(chosen) - left} of {len(chosen)} killed")
    return left


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
