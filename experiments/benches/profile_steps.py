"""Where the time of scoring, or of a training step, goes: shares by kind of operation.

python -m experiments.benches.profile_steps [--space=proxylessnas] [--what=training]

Runs one pass under the profiler and adds up the operations that run themselves, not the
loops and switches around them. What kind an operation is follows from its instruction
in the compiled program: a fusion counts as what its last operation is, so that an
activation which is fused into padding counts as padding.
"""

import collections
import glob
import gzip
import json
import pathlib
import re
import tempfile
import time
from collections.abc import Iterable, Sequence
from typing import Any

import jax
from absl import app, flags

from experiments.measuring.programs import Program, scoring_program, training_program
from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import make_workload, random_archs
from qnas_jax.huge_pages import use_huge_pages

BATCH = {"scoring": 256, "training": 64}
_INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%(\S+) = .*?[\])}] ([a-z][a-z0-9-]*)\(", re.M)
_ORIGIN = re.compile(r'op_name="([^"]*)"')
_AROUND = {"while", "conditional", "call"}


def run(
    space: str,
    what: str,
    *,
    images: int | None = None,
    num_archs: int = 20,
    chunk: int = 128,
) -> list[dict[str, Any]]:
    """Profiles one pass, after a first one.

    Args:
      space: a registered space.
      what: "scoring" or "training".
      images: scored images, or those of a batch; None: 256 and 64.
      num_archs: random architectures; with training, steps.
      chunk: of scoring, images computed at once.

    Returns:
      A row a kind, the largest first: its seconds, its share of all operations, how
      many ran, and the seconds of the whole pass.
    """
    work = make_workload(space, images or BATCH[what])
    archs = random_archs(work.space, num_archs)
    program = (
        scoring_program(work, archs, chunk)
        if what == "scoring"
        else training_program(work, archs)
    )
    kinds = kinds_of(program.compiled.as_text())
    jax.block_until_ready(program.run())
    events, wall = _profile(program)
    found: dict[str, list[float]] = collections.defaultdict(list)
    for name, duration in events:
        if name in kinds:
            found[kinds[name]].append(duration)
    total = sum(map(sum, found.values()))
    rows = [
        {
            "what": f"{what} {space}",
            "kind": kind,
            "s": sum(durations),
            "share": sum(durations) / total,
            "operations": len(durations),
            "pass s": wall,
        }
        for kind, durations in found.items()
    ]
    return sorted(rows, key=lambda row: -row["s"])


def kinds_of(program: str) -> dict[str, str]:
    """Sorts the instructions of a compiled program by kind.

    Args:
      program: its text, as XLA prints it.

    Returns:
      Instruction -> kind; loops, switches and calls are left out.
    """
    kinds = {}
    for match in _INSTRUCTION.finditer(program):
        name, opcode = match.groups()
        if opcode not in _AROUND:
            line = program[match.start() : program.index("\n", match.end())]
            origin = _ORIGIN.search(line)
            kinds[name] = _kind(name, origin[1] if origin else "")
    return kinds


def _kind(name: str, origin: str) -> str:
    """The kind of an instruction, by its name and by what it was traced from."""
    words = set(re.split(r"[_.\d]+", name.replace("-", "_")))
    scopes = origin.split("/")
    last = scopes[-1]
    if last in ("dot_general", "conv_general_dilated") or words & {
        "dot",
        "convolution",
    }:
        return "matrix products and full convolutions"
    if any("depthwise_kernel_gradient" in scope for scope in scopes):
        return "depth-wise: kernel gradient"
    if "pad" in words:
        return "padding, with what is fused into it"
    if any("depthwise" in scope for scope in scopes):
        return "depth-wise: forward and image gradient"
    if last.startswith("reduce") or "reduce" in words:
        return "sums"
    if name.startswith("wrapped_broadcast"):
        return "zero fills"
    if words & {"copy", "slice", "update", "concatenate", "transpose", "gather"}:
        return "copies, slices and updates"
    return "normalisation, activation, and the rest"


def _profile(program: Program) -> tuple[list[tuple[str, float]], float]:
    """Instructions that ran in one pass, with their seconds, and those of the pass."""
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            started = time.perf_counter()
            jax.block_until_ready(program.run())
            wall = time.perf_counter() - started
        (file,) = glob.glob(f"{folder}/**/*.trace.json.gz", recursive=True)
        trace = json.loads(gzip.decompress(pathlib.Path(file).read_bytes()))
    return list(events_of(trace)), wall


def events_of(trace: dict[str, Any]) -> Iterable[tuple[str, float]]:
    """Instructions of a trace and their seconds.

    Args:
      trace: in the Trace Event Format, durations in microseconds.

    Yields:
      Instruction and duration.
    """
    for event in trace["traceEvents"]:
        instruction = event.get("args", {}).get("hlo_op")
        if event.get("ph") == "X" and instruction:
            yield instruction, 1e-6 * event["dur"]


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(_SPACE.value, _WHAT.value)
    write_rows(_OUT.value, rows)
    print(table(rows, ["kind", "s", "share", "operations"]))
    total = sum(row["s"] for row in rows)
    print(f"{rows[0]['what']}: {total:.3g} s of a pass of {rows[0]['pass s']:.3g} s")


if __name__ == "__main__":
    use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "proxylessnas", "a registered space")
    _WHAT = flags.DEFINE_enum("what", "scoring", list(BATCH), "what is profiled")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
