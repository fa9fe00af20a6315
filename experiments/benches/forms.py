"""Both forms of a supernet: compiling and running a training step and scoring.

python -m experiments.benches.forms [--spaces=digits,...] [--forms=switch,padded]
    [--images=64] [--archs=8] [--passes=3] [--out=FILE]

Each program is compiled cold, in a process of its own. Processor seconds are given
beside seconds: with two cores and nothing else running they hardly differ. What is
fastest decides `qnas_jax.nets.FASTEST`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.programs import (
    Program,
    scoring_program,
    temporary_mib,
    training_program,
)
from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import make_workload, random_archs
from qnas_jax.nets import FORMS, Form, resolve_form
from qnas_jax.spaces.registry import BUILT_IN, FOR_LANGUAGE

WHAT = ("training step", "scoring")


def run(
    space: str, form: Form, what: str, *, images: int, num_archs: int, passes: int
) -> dict[str, Any]:
    """Measures one program.

    Args:
      space: a registered space.
      form: of the supernet.
      what: of `WHAT`.
      images: of a batch.
      num_archs: random architectures, one after the other.
      passes: over all of them; the median counts.

    Returns:
      A row: seconds and processor seconds of compiling, images (subnet-images) a
      second and a processor second, what the program allocates beside arguments and
      results, and the machine's load.
    """
    work = make_workload(space, images, form)
    archs = random_archs(work.space, num_archs)
    jax.block_until_ready(work.weights)
    before = time.process_time()
    program = _program(what, work, archs, images)
    processor = time.process_time() - before
    jax.block_until_ready(program.run())
    times = []
    before = time.process_time()
    for _ in range(passes):
        started = time.perf_counter()
        jax.block_until_ready(program.run())
        times.append(time.perf_counter() - started)
    running = (time.process_time() - before) / passes
    return {
        "space": space,
        "form": form,
        "what": what,
        "compile s": program.seconds,
        "compile processor s": processor,
        "images/s": num_archs * images / float(np.median(times)),
        "images/processor s": num_archs * images / running,
        "temporary MiB": temporary_mib(program.compiled),
        "backend": jax.default_backend(),
        "load": os.getloadavg()[0],
    }


def _program(what: str, work: Any, archs: np.ndarray, images: int) -> Program:
    if what == "scoring":
        return scoring_program(work, archs, images)
    return training_program(work, archs)


def main(argv: Sequence[str]) -> None:
    """Measures each program in a process of its own, and prints the table."""
    del argv
    sizes: dict[str, Any] = {
        "images": _IMAGES.value,
        "num_archs": _ARCHS.value,
        "passes": _PASSES.value,
    }
    if _ONE.value:
        space, form, what = _ONE.value.split("/")
        print(json.dumps(run(space, resolve_form(form), what, **sizes)))
        return
    rows = []
    for space in _SPACES.value:
        for form in _FORMS.value:
            for what in _WHAT.value:
                command = [sys.executable, "-m", "experiments.benches.forms"]
                command += [f"--one={space}/{form}/{what}"]
                command += [f"--{flag}" for flag in _as_flags(sizes)]
                output = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                rows.append(json.loads(output.stdout.splitlines()[-1]))
                print(table(rows[-1:], list(rows[0])), flush=True)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


def _as_flags(sizes: dict[str, int]) -> list[str]:
    names = {"num_archs": "archs"}
    return [f"{names.get(name, name)}={value}" for name, value in sizes.items()]


if __name__ == "__main__":
    _SPACES = flags.DEFINE_list(
        "spaces", sorted(BUILT_IN - FOR_LANGUAGE), "registered spaces"
    )
    _FORMS = flags.DEFINE_list("forms", list(FORMS), "of supernets")
    _WHAT = flags.DEFINE_list("what", list(WHAT), "programs")
    _IMAGES = flags.DEFINE_integer("images", 64, "of a batch")
    _ARCHS = flags.DEFINE_integer("archs", 8, "random architectures")
    _PASSES = flags.DEFINE_integer("passes", 3, "the median counts")
    _ONE = flags.DEFINE_string("one", "", "one program, in this process")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
