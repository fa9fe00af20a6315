"""Regenerates the tables and figures of README and docs, each by its own command.

python -m experiments.publishing.run_all --data_dir=FOLDER [--quick] [--folder=FOLDER]
    [--long] [--only=comparison,...] [--peer=FOLDER] [--publish]

Every part writes its rows (JSONL) and figures below the folder, prints its table into
`<part>.txt` and what it has to say on the way into `<part>.log`; a part that fails is
named at the end and stops no other. From the
rows that are there, and from nothing else, `README_results.md` is made. The quick form
takes fewer seeds and smaller jobs, and leaves out what takes long to compile. Long
parts (tens of minutes and more in the full form: budgets, fronts, exports, costs,
predictors) are run by `--long` or by their names; what was left out is said at the end.
`--publish` puts the tables into `docs/results.md`, the telling ones into the README,
and the figures into `docs`; lines of parts without rows stay as they are. The folder of
`--peer` holds the public BQNAS code (see experiments/peers/torch_supernet.py).
"""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence

from absl import app, flags

from experiments.publishing.readme_parts import PARTS, Part
from experiments.publishing.readme_tables import publish, tables

ROOT = pathlib.Path(__file__).resolve().parents[2]


def command(
    part: Part, *, quick: bool, folder: pathlib.Path, data: str, peer: str = ""
) -> list[str]:
    """The command line of a part.

    Args:
      part: what to run; it has a quick form if that is asked for.
      quick: which form.
      folder: where its files go.
      data: the data folder.
      peer: folder of the public BQNAS code, for parts that take it; "" for none.

    Returns:
      Words, the first the interpreter.
    """
    arguments = part.quick if quick else part.full
    if arguments is None:
        raise ValueError(f"{part.name}: got quick, expected full; it has no quick form")
    words = f"{part.words} {arguments}".split()
    places = {"base": folder / part.name, "data": data}
    more = [f"--peer={peer}"] if peer and part.peer else []
    return [sys.executable, *(word.format(**places) for word in words), *more]


def run(
    parts: Sequence[Part],
    *,
    quick: bool,
    folder: pathlib.Path,
    data: str,
    peer: str = "",
) -> dict[str, float]:
    """Runs the parts one after the other.

    Args:
      parts: what to run.
      quick: which form; parts without a quick form are left out of it.
      folder: where files go.
      data: the data folder; parts also find it in QNAS_DATA_DIR.
      peer: folder of the public BQNAS code, or "".

    Returns:
      The seconds of each part that was run, negative for those that failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    surroundings = {**os.environ, "QNAS_DATA_DIR": data}
    seconds = {}
    for part in parts:
        if quick and part.quick is None:
            continue
        words = command(part, quick=quick, folder=folder, data=data, peer=peer)
        sys.stderr.write(f"{part.name}: {' '.join(words[1:])}\n")
        before = time.perf_counter()
        with (
            (folder / f"{part.name}.txt").open("w") as printed,
            (folder / f"{part.name}.log").open("w") as told,
        ):
            done = subprocess.run(
                words, stdout=printed, stderr=told, env=surroundings, cwd=ROOT
            )
        taken = time.perf_counter() - before
        seconds[part.name] = -taken if done.returncode else taken
    return seconds


def default_names(*, long: bool) -> list[str]:
    """The parts that are run where none is named, the long ones if they are asked for.

    Args:
      long: whether these too.
    """
    return [part.name for part in PARTS if long or not part.long]


def summary(seconds: dict[str, float], folder: pathlib.Path) -> str:
    """One line a part, and the time in all."""
    lines = [
        f"{name:20} {abs(taken):7.1f} s  "
        + (f"failed, see {folder / name}.log" if taken < 0 else f"{folder / name}.*")
        for name, taken in seconds.items()
    ]
    total = sum(abs(taken) for taken in seconds.values())
    return "\n".join([*lines, f"{'in all':20} {total:7.1f} s"])


def main(_: Sequence[str]) -> int:
    """Runs all parts, writes the tables, prints where results lie."""
    form = "quick" if _QUICK.value else "all"
    folder = pathlib.Path(_FOLDER.value or f"runs/{form}").resolve()
    names = _ONLY.value or default_names(long=_LONG.value)
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        raise app.UsageError(
            f"--only: got {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(part.name for part in PARTS)}"
        )
    if _QUICK.value and _PUBLISH.value:
        raise app.UsageError("--publish: got --quick, expected the full form")
    parts = [part for part in PARTS if part.name in names]
    data = str(pathlib.Path(_DATA_DIR.value).resolve())
    seconds = run(parts, quick=_QUICK.value, folder=folder, data=data, peer=_PEER.value)
    (folder / "README_results.md").write_text(tables(folder), "utf-8")
    if _PUBLISH.value:
        publish(folder, ROOT / "README.md", ROOT / "docs")
    print(summary(seconds, folder))
    print(f"{'tables':20}            {folder / 'README_results.md'}")
    left_out = [part.name for part in PARTS if part.long and part.name not in names]
    if left_out and not _ONLY.value:
        print(f"{'left out':20}            {', '.join(left_out)}: by --long")
    return int(any(taken < 0 for taken in seconds.values()))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _QUICK = flags.DEFINE_bool("quick", False, "fewer seeds, nothing slow to compile")
    _FOLDER = flags.DEFINE_string(
        "folder", None, "where results are written; runs/all or runs/quick"
    )
    _LONG = flags.DEFINE_bool("long", False, "also parts of tens of minutes and more")
    _ONLY = flags.DEFINE_list("only", [], "parts to run; all but long ones by default")
    _PEER = flags.DEFINE_string("peer", "", "folder of the public BQNAS code")
    _PUBLISH = flags.DEFINE_bool("publish", False, "into the README and docs")
    app.run(main)
