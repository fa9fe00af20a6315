"""A long experiment by many processes, of which any may die at any time.

python -m experiments.sweep --grid="experiments.comparisons.samplers --seeds=0,1,2"
    --dir=SHARED [--workers=8] [--scheduler=local|slurm] [--slurm=partition=gpu,...]

starts workers, each the command of the grid with `--dir=SHARED`. There is no
coordinator: workers claim cells in the shared folder (`experiments/sweeping`), so more
of them may be started anywhere at any time, by the grid's command alone. Finished cells
are skipped, the cell of a worker that died is taken over, and the rows are those of one
process that was never disturbed.

Grids are experiments with a flag `dir`: `experiments.comparisons.` `ablations`,
`samplers`, `strategies`, `supernet_recipes`, `whole_jobs`, and
`experiments.sweeping.toy`. On a cluster (extra `cluster`) jobs that are pre-empted or
run into their time limit are queued again.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import app, flags

from experiments.sweeping.workers import command_of, run_workers, submit
from qnas_jax.errors import UserError


def slurm_options(words: Sequence[str]) -> dict[str, str | int]:
    """`name=value` for submitit; names of SLURM alone may do without `slurm_`."""
    found: dict[str, str | int] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"--slurm: got {word!r}, expected name=value")
        shared = name.startswith("slurm_") or name in _OF_ALL_CLUSTERS
        found[name if shared else f"slurm_{name}"] = (
            int(value) if value.isdecimal() else value
        )
    return found


_OF_ALL_CLUSTERS = {
    *("timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node"),
    *("tasks_per_node", "stderr_to_stdout"),
}


def main(_: Sequence[str]) -> int:
    """Starts the workers; says where the rows are, or what was queued."""
    folder = pathlib.Path(_DIR.value)
    command = command_of(_GRID.value, folder)
    try:
        if _SCHEDULER.value == "slurm":
            options = slurm_options(_SLURM.value)
            for job in submit(command, _WORKERS.value, folder, options):
                print(job.job_id)
            return 0
        run_workers(command, _WORKERS.value, folder)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print((folder / "workers" / "0.log").read_text(encoding="utf-8"))
    print(folder / "rows.jsonl")
    return 0


if __name__ == "__main__":
    _GRID = flags.DEFINE_string("grid", None, "module and flags", required=True)
    _DIR = flags.DEFINE_string("dir", None, "shared folder", required=True)
    _WORKERS = flags.DEFINE_integer("workers", 2, "at once", lower_bound=1)
    _SCHEDULER = flags.DEFINE_enum(
        "scheduler", "local", ("local", "slurm"), "what starts them"
    )
    _SLURM = flags.DEFINE_list("slurm", [], "options such as partition=gpu")
    app.run(main)
