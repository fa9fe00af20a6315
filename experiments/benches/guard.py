"""What watching a training for numbers that are not finite costs, beside its steps.

A step's program knows nothing of it; at the end of an epoch the state is looked at, and
copied to the host (`qnas_jax/training/guard.py`).

python -m experiments.benches.guard [--spaces=digits,proxylessnas] [--out=FILE]
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import make_workload
from qnas_jax.training import (
    SupernetOptions,
    TrainingBatches,
    initial_supernet_state,
    make_optimizer,
    make_sampler,
    make_supernet_step,
)
from qnas_jax.training.guard import host_copy, is_sound

COLUMNS = ["space", "state MiB", "step ms", "once an epoch ms", "per cent of an epoch"]


def run(
    space: str, *, batch: int = 64, examples: int = 1_280, passes: int = 5
) -> dict[str, Any]:
    """Measures a training step, and what the guard does at the end of an epoch.

    Args:
      space: a registered space.
      batch: images of a step.
      examples: of an epoch, for the share.
      passes: the medians count; the first call of each is left out.

    Returns:
      A row.
    """
    work = make_workload(space, 2 * batch)
    options = SupernetOptions(batch_size=batch)
    batches = TrainingBatches(work.inputs, work.labels, work.task, batch)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    step_fn = make_supernet_step(
        work.supernet,
        optimizer,
        make_sampler(options, work.space, work.supernet.cost_table()),
        batches,
        jax.random.key(1),
    )
    state = initial_supernet_state(
        work.supernet, work.task, optimizer, options.pool_size, jax.random.key(0)
    )
    order = np.arange(batches.num_examples, dtype=np.int32)

    def step() -> None:
        nonlocal state
        state = jax.block_until_ready(step_fn(state, order))

    def watch() -> None:
        is_sound(state)
        host_copy(state)

    of_step, of_guard = _medians((step, watch), passes)
    leaves = jax.tree.leaves(state)
    return {
        "space": space,
        "state MiB": sum(leaf.nbytes for leaf in leaves) / 2**20,
        "step ms": 1e3 * of_step,
        "once an epoch ms": 1e3 * of_guard,
        "per cent of an epoch": 100 * of_guard / (of_step * (examples // batch)),
    }


def _medians(functions: Sequence[Callable[[], None]], passes: int) -> list[float]:
    """Seconds of each, in turns, without its first call."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(passes + 1):
        for own, function in zip(times, functions, strict=True):
            started = time.perf_counter()
            function()
            own.append(time.perf_counter() - started)
    return [statistics.median(own[1:]) for own in times]


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = [run(space) for space in _SPACES.value]
    write_rows(_OUT.value, rows)
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    _SPACES = flags.DEFINE_list("spaces", ["digits", "proxylessnas"], "their names")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
