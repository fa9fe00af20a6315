"""A single-path training step of the supernet against the matrix rate and PyTorch.

python -m experiments.benches.training [--space=proxylessnas] [--peer=FOLDER]
    [--out=FILE]
    [--nogradient] [--nohuge_pages]
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.machine import measure_machine, peak_memory_mib
from experiments.measuring.programs import (
    gradient_program,
    temporary_mib,
    training_program,
)
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import median_seconds
from experiments.measuring.workload import make_workload, random_archs
from experiments.peers.torch_supernet import TorchPeer
from qnas_jax.huge_pages import use_huge_pages


def run(
    space: str,
    *,
    batch: int = 64,
    num_archs: int = 20,
    passes: int = 3,
    gradient: bool = True,
    peer: str | None = None,
) -> list[dict[str, Any]]:
    """Measures steps over random architectures, in interleaved passes.

    Args:
      space: a registered space.
      batch: images of a step.
      num_archs: steps of a pass, each with another random architecture.
      passes: the median counts.
      gradient: also the gradient alone, without optimiser and writing back.
      peer: folder of the public code, or None.

    Returns:
      A row a form: images a second, ratio to "ours", compile time, share of the
      matrix rate (three times the products of the forward pass), and memory: what the
      program allocates beside weights and images, and the largest resident memory of
      the process before compiling, after it, and after the first pass.
    """
    work = make_workload(space, batch)
    archs = random_archs(work.space, num_archs)
    machine = measure_machine()
    makers = {"ours": training_program, "gradient only": gradient_program}
    forms: dict[str, Callable[[], Any]] = {}
    notes: dict[str, dict[str, float]] = {}
    for name in makers if gradient else ["ours"]:
        before = peak_memory_mib()
        program = makers[name](work, archs)
        compiled = peak_memory_mib()
        jax.block_until_ready(program.run())
        peaks = before, compiled, peak_memory_mib()
        forms[name] = program.run
        notes[name] = _notes(program.seconds, temporary_mib(program.compiled), *peaks)
    if peer:
        images = np.asarray(work.prepared(work.inputs))
        network = TorchPeer(peer, space, images, np.asarray(work.labels))
        forms["PyTorch channels_last"] = network.train(archs, batch)
        forms["PyTorch channels_last"]()
    seconds = median_seconds(forms, passes)
    rate = {name: num_archs * batch / seconds[name] for name in forms}
    flops = 6e-9 * float(work.macs(archs).mean())
    return [
        {
            "space": space,
            "form": name,
            "images/s": rate[name],
            "ratio to ours": rate[name] / rate["ours"],
            "share of the matrix rate": flops * rate[name] / machine.gflops,
            **notes.get(name, dict.fromkeys(notes["ours"], "-")),
        }
        for name in forms
    ]


def _notes(
    seconds: float, temporary: float, before: float, compiled: float, ran: float
) -> dict[str, float]:
    return {
        "compile s": seconds,
        "temporary MiB": temporary,
        "peak MiB before compiling": before,
        "compiled": compiled,
        "run": ran,
    }


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(
        _SPACE.value,
        passes=_PASSES.value,
        gradient=_GRADIENT.value,
        peer=_PEER.value,
    )
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    if "--nohuge_pages" not in sys.argv:
        use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "proxylessnas", "a registered space")
    _PASSES = flags.DEFINE_integer("passes", 3, "interleaved passes")
    _GRADIENT = flags.DEFINE_bool("gradient", True, "also the gradient alone")
    _PEER = flags.DEFINE_string("peer", None, "folder of the public BQNAS code")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    flags.DEFINE_bool("huge_pages", True, "ask for large memory pages")
    app.run(main)
