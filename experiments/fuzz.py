"""Generated inputs of every kind: accepted, refused in our words, or a fault of ours.

python -m experiments.fuzz --inputs=10000 [--kinds=flags,QASM] [--rows=FILE]

Inputs are tried in this process. A row is a chunk of inputs of one kind; with a file of
rows a run that was stopped goes on behind the last one. A fault is shown with what was
tried first.
"""

import collections
import pathlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis
from absl import app, flags, logging

from experiments.fuzzing.kind import ENDS, Given, Kind, attempt
from experiments.fuzzing.registry import KINDS, shares
from experiments.measuring.rows import append_rows, read_rows, table

CHUNK = 100
_SHOWN = 5  # faults that a row describes
COLUMNS = ["kind", "tried", *ENDS]


def run(
    inputs: int, *, kinds: Sequence[str] = (), done: Sequence[dict[str, Any]] = ()
) -> Iterator[dict[str, Any]]:
    """Tries inputs, a chunk of each kind after the other.

    Args:
      inputs: how many in all, of all kinds.
      kinds: names of `KINDS`; empty: all.
      done: rows of an earlier run.

    Yields:
      A row a chunk: kind, chunk, tried, a number for each end, faults.
    """
    known = {(row["kind"], row["chunk"]) for row in done}
    for name, count in shares(inputs).items():
        if kinds and name not in kinds:
            continue
        for chunk in range(-(-count // CHUNK)):
            if (name, chunk) not in known:
                size = min(CHUNK, count - chunk * CHUNK)
                yield {"kind": name, "chunk": chunk, **_chunk(KINDS[name], chunk, size)}


def _chunk(kind: Kind, chunk: int, size: int) -> dict[str, Any]:
    """Tries some inputs of a kind; which ones follows from the chunk's number."""
    ends: collections.Counter[str] = collections.Counter()
    faults: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "inputs"

        @hypothesis.seed(zlib.crc32(f"{kind.name}/{chunk}".encode()))
        @hypothesis.settings(
            max_examples=size,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(kind.inputs)
        def each(given: Given) -> None:
            folder.mkdir()
            try:
                found = attempt(kind, given, folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            ends[found.end] += 1
            if not found.good and len(faults) < _SHOWN:
                faults.setdefault(found.words[:200], repr(given.value)[:2000])

        each()
    return {
        "tried": ends.total(),
        **{end: ends[end] for end in ENDS},
        "faults": faults,
    }


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind, and one of all."""
    totals: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for row in rows:
        for name in (row["kind"], "all"):
            for column in COLUMNS[1:]:
                totals[name][column] += row[column]
    names = [name for name in totals if name != "all"] + ["all"]
    return [
        {"kind": name, **{c: totals[name][c] for c in COLUMNS[1:]}} for name in names
    ]


def main(argv: Sequence[str]) -> None:
    """Prints faults as they come, and a table."""
    del argv
    logging.set_verbosity(logging.ERROR)
    rows = read_rows(_ROWS.value)
    for row in run(_INPUTS.value, kinds=_KINDS.value, done=rows):
        append_rows(_ROWS.value, [row])
        rows.append(row)
        for words, tried in row["faults"].items():
            print(f"{row['kind']}: {words}\n    {tried}", flush=True)
    print(table(summary(rows), COLUMNS))


if __name__ == "__main__":
    _INPUTS = flags.DEFINE_integer("inputs", 10_000, "how many in all")
    _KINDS = flags.DEFINE_list("kinds", [], "names of kinds; empty: all")
    _ROWS = flags.DEFINE_string("rows", None, "JSONL file of the rows")
    app.run(main)
