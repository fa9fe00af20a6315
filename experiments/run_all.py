"""Regenerates the tables and figures of the README, each by its own command.

python -m experiments.run_all --data_dir=FOLDER [--quick] [--folder=runs/all]

Every part writes its rows (JSONL) and figures below the folder and prints its table
into `<part>.txt`; a part that fails is named at the end and stops no other. The quick
form takes smaller numbers of seeds, and leaves out what takes long to compile.
`docs/*.png` are copies of the figures of the full form.
"""

import dataclasses
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence

from absl import app, flags


@dataclasses.dataclass(frozen=True)
class Part:
    """One command.

    Attributes:
      name: of its files.
      words: script and arguments; {base} is where its files go, {data} the data.
      full: further arguments of the full form.
      quick: those of the quick form; None leaves it out there.
    """

    name: str
    words: str
    full: str = ""
    quick: str | None = ""


_ROWS = "--out={base}.jsonl"
PARTS = (
    Part(
        "comparison",
        "-m experiments.compare_strategies --data_dir={data} --folder={base}",
        quick="--quick",
    ),
    Part(
        "searches",
        f"-m experiments.bench_search --data_dir={{data}} {_ROWS}",
        full="--many=100000",
        quick="--passes=3",
    ),
    Part(
        "search_rules",
        f"-m experiments.search_rules --data_dir={{data}} {_ROWS}",
        quick="--seeds=3",
    ),
    Part("digits", "main.py --config=configs/digits.py --workdir={base}"),
    Part(
        "hamiltonian_search",
        f"-m experiments.hamiltonian_search --data_dir={{data}} {_ROWS} "
        "--figure={base}.png",
        quick="--seeds=3 --large_seeds=1 --evaluations=50",
    ),
    Part(
        "statevector", f"-m experiments.bench_statevector {_ROWS}", quick="--passes=2"
    ),
    Part(
        "circuits",
        f"-m experiments.bench_circuits {_ROWS}",
        quick="--qubits=12 --passes=3",
    ),
    Part(
        "scoring_digits",
        f"-m experiments.bench_scoring --space=digits --small {_ROWS}",
        quick="--passes=2",
    ),
    Part("scoring", f"-m experiments.bench_scoring --simple=0 {_ROWS}", quick=None),
    Part("training", f"-m experiments.bench_training --nogradient {_ROWS}", quick=None),
)


def command(part: Part, *, quick: bool, folder: pathlib.Path, data: str) -> list[str]:
    """The command line of a part.

    Args:
      part: what to run; it has a quick form if that is asked for.
      quick: which form.
      folder: where its files go.
      data: the data folder.

    Returns:
      Words, the first the interpreter.
    """
    arguments = part.quick if quick else part.full
    if arguments is None:
        raise ValueError(f"{part.name}: got quick, expected full; it has no quick form")
    words = f"{part.words} {arguments}".split()
    places = {"base": folder / part.name, "data": data}
    return [sys.executable, *(word.format(**places) for word in words)]


def run(
    parts: Sequence[Part], *, quick: bool, folder: pathlib.Path, data: str
) -> dict[str, float]:
    """Runs the parts one after the other.

    Args:
      parts: what to run.
      quick: which form; parts without a quick form are left out of it.
      folder: where files go.
      data: the data folder.

    Returns:
      The seconds of each part that was run, negative for those that failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for part in parts:
        if quick and part.quick is None:
            continue
        words = command(part, quick=quick, folder=folder, data=data)
        sys.stderr.write(f"{part.name}: {' '.join(words[1:])}\n")
        before = time.perf_counter()
        with (folder / f"{part.name}.txt").open("w") as printed:
            done = subprocess.run(words, stdout=printed, stderr=subprocess.PIPE)
        taken = time.perf_counter() - before
        seconds[part.name] = -taken if done.returncode else taken
        (folder / f"{part.name}.log").write_bytes(done.stderr)
    return seconds


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
    """Runs all parts and prints where their results lie."""
    folder = pathlib.Path(_FOLDER.value)
    names = _ONLY.value or [part.name for part in PARTS]
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        raise app.UsageError(
            f"--only: got {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(part.name for part in PARTS)}"
        )
    parts = [part for part in PARTS if part.name in names]
    seconds = run(parts, quick=_QUICK.value, folder=folder, data=_DATA_DIR.value)
    print(summary(seconds, folder))
    return int(any(taken < 0 for taken in seconds.values()))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _QUICK = flags.DEFINE_bool("quick", False, "fewer seeds, nothing slow to compile")
    _FOLDER = flags.DEFINE_string("folder", "runs/all", "where results are written")
    _ONLY = flags.DEFINE_list("only", [], "parts to run; all by default")
    app.run(main)
