"""Circuits with diagonal costs, side by side with other state-vector simulators.

python -m experiments.benches.statevector [--cases=value-20,...] [--peers=QOKit,...]
    [--passes=5] [--out=FILE] [--nohuge_pages]

Cases: value-N, gradient-N (dense random Ising cost with fields, 8 layers), batch,
batch_gradient (64 settings, 12 qubits), deep-N and deep_gradient-N (one layer),
grover-16 (200 iterations), diagonal-N. A case of 24 qubits runs each simulator in a
process of its own, which gives its peak memory. Times are medians of interleaved
passes. The first case of a process is faster than the same case after others: put what
is to be compared behind others, or say that it was the first.
"""

import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.machine import measure_machine, peak_memory_mib
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import median_seconds
from experiments.peers.statevector_task import Run, Task
from experiments.peers.statevectors import PEERS, Peer
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import mixer, qaoa_expectation, quadratic_diagonal
from qnas_jax.kernels.grover import amplify
from qnas_jax.optimise import ising

CASES = (
    "value-12",
    "value-16",
    "value-20",
    "gradient-12",
    "gradient-16",
    "gradient-20",
    "batch-12",
    "batch_gradient-12",
    "deep-24",
    "deep_gradient-24",
    "grover-16",
    "diagonal-20",
    "diagonal-24",
)
_LAYERS = {"deep": 1, "deep_gradient": 1}
_BATCH = 64
_MARKED, _ITERATIONS = 5, 200  # of the Grover case
OURS = "ours"
COLUMNS = ["case", "simulator", "ms", "others / ours", "first call s", "difference"]


def make_task(case: str, layers: int = 8, batch: int = _BATCH) -> Task:
    """A random problem and random angles.

    Args:
      case: a name such as "value-12".
      layers: p, where the case does not say it.
      batch: settings of a batch.

    Returns:
      The task; the same for every simulator.
    """
    kind, num_qubits = split_case(case)
    rng = np.random.default_rng(num_qubits)
    fields = rng.normal(size=num_qubits)
    couplings = np.triu(rng.normal(size=(num_qubits, num_qubits)), k=1)
    shape: tuple[int, ...] = (_LAYERS.get(kind, layers),)
    if kind.startswith("batch"):
        shape = (batch, *shape)
    gammas, betas = rng.uniform(0, 0.5, (2, *shape))
    diagonal = np.asarray(ising(fields, couplings).table())
    return Task(fields, couplings, diagonal, gammas, betas)


def split_case(case: str) -> tuple[str, int]:
    """The kind and the number of qubits of a case."""
    kind, _, num_qubits = case.partition("-")
    return kind, int(num_qubits)


def ours(case: str, task: Task) -> Run:
    """This package's run of a case."""
    kind, num_qubits = split_case(case)
    if kind == "grover":
        return _ours_grover(num_qubits)
    if kind == "diagonal":
        form = ising(task.fields, task.couplings)
        compiled = jax.jit(quadratic_diagonal)
        return lambda: compiled(form.linear, form.quadratic, form.constant)
    diagonal = jnp.asarray(task.diagonal)
    function: Callable[..., Any] = qaoa_expectation
    if kind.endswith("gradient"):
        slopes = jax.grad(qaoa_expectation, argnums=(1, 2))
        function = lambda *a: jnp.stack(slopes(*a))  # noqa: E731
    if kind.startswith("batch"):
        function = jax.vmap(function, in_axes=(None, 0, 0))
    compiled = jax.jit(function)
    angles = jnp.float32(task.gammas), jnp.float32(task.betas)
    return lambda: compiled(diagonal, *angles)


def _ours_grover(num_qubits: int) -> Run:
    """Probability of one marked item, all amplitudes computed in each iteration."""
    marked = jnp.zeros(2**num_qubits, bool).at[_MARKED].set(True)
    state = functools.partial(amplify, implementation="reference")
    compiled = jax.jit(lambda marked: state(marked, _ITERATIONS)[_MARKED] ** 2)
    return lambda: compiled(marked)


def peer_run(peer: Peer, case: str, task: Task) -> Run | None:
    """A peer's run of a case, or None if it has none."""
    kind, _ = split_case(case)
    kind = {"deep": "value", "deep_gradient": "gradient"}.get(kind, kind)
    prepare = getattr(peer, kind, None)
    if prepare is None:
        return None
    if kind == "grover":
        return prepare(task, _MARKED, _ITERATIONS)
    return prepare(task)


def run_case(
    case: str, names: Sequence[str], passes: int, layers: int = 8, batch: int = _BATCH
) -> list[dict[str, Any]]:
    """Measures a case in interleaved passes within this process.

    Args:
      case: a name such as "value-12".
      names: simulators; "ours" first.
      passes: the median of so many counts.
      layers: p, where the case does not say it.
      batch: settings of a batch.

    Returns:
      A row a simulator.
    """
    task = make_task(case, layers, batch)
    runs, first, results = {}, {}, {}
    for name in names:
        started = time.perf_counter()
        run = ours(case, task) if name == OURS else peer_run(PEERS[name], case, task)
        if run is not None:
            results[name] = np.asarray(jax.block_until_ready(run()))
            first[name] = time.perf_counter() - started
            runs[name] = run
    times = median_seconds(runs, passes)
    scale = max(1.0, float(np.abs(results[next(iter(results))]).max()))
    base = next(iter(runs))
    return [
        {
            "case": case,
            "simulator": name,
            "ms": 1e3 * times[name],
            "others / ours": times[name] / times[base],
            "first call s": first[name],
            "difference": float(np.abs(results[name] - results[base]).max() / scale),
            "peak memory MiB": peak_memory_mib(),
        }
        for name in runs
    ]


def run(
    cases: Sequence[str], peers: Sequence[str], passes: int
) -> Iterator[list[dict[str, Any]]]:
    """Measures all cases.

    Args:
      cases: some of `CASES`.
      peers: some of `PEERS`; those that cannot be imported are left out.
      passes: the median of so many counts.

    Yields:
      The rows of each case.
    """
    names = [OURS, *(name for name in peers if PEERS[name].available())]
    for case in cases:
        if split_case(case)[1] < 24:
            yield run_case(case, names, passes)
        else:
            yield _in_processes(case, names, passes)


def _in_processes(case: str, names: Sequence[str], passes: int) -> list[dict[str, Any]]:
    """One process a simulator; values are compared through what they print."""
    rows: list[dict[str, Any]] = []
    for name in names:
        command = [sys.executable, "-m", "experiments.benches.statevector"]
        command += [f"--cases={case}", f"--alone={name}", f"--passes={passes}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout.strip():
            continue
        rows += [json.loads(done.stdout.splitlines()[-1])]
        rows[-1]["others / ours"] = rows[-1]["ms"] / rows[0]["ms"]
        rows[-1]["difference"] = abs(rows[-1]["result"] - rows[0]["result"])
    return rows


def run_alone(case: str, name: str, passes: int) -> dict[str, Any] | None:
    """One simulator in this process: its row, with the memory above the start.

    Args:
      case: a name such as "deep-24".
      name: the simulator.
      passes: the median of so many counts.

    Returns:
      The row, or None if the simulator does not have the case.
    """
    task = make_task(case)
    jax.clear_caches()
    before = peak_memory_mib()
    started = time.perf_counter()
    run = ours(case, task) if name == OURS else peer_run(PEERS[name], case, task)
    if run is None:
        return None
    result = np.asarray(jax.block_until_ready(run()))
    first = time.perf_counter() - started
    return {
        "case": case,
        "simulator": name,
        "ms": 1e3 * median_seconds({name: run}, passes)[name],
        "first call s": first,
        "result": float(result.reshape(-1)[0]),
        "peak memory MiB": peak_memory_mib() - before,
    }


def floors(case: str, gflops: float, copy_gb: float) -> dict[str, float]:
    """Least time of a case by the matrix rate and by the copy bandwidth.

    Counts, for each layer and each plane: the products with the blocks of the mixer,
    and one pass of reading and writing for the phases; the reverse mode takes three
    more (the state and its adjoint back, and the slopes).

    Args:
      case: of the kinds "value", "gradient", "batch", "deep" and their gradients.
      gflops: matrix rate, 1e9 operations a second.
      copy_gb: bandwidth, 1e9 bytes a second.

    Returns:
      "matrix floor ms" and "copy floor ms".
    """
    kind, num_qubits = split_case(case)
    layers = _LAYERS.get(kind, 8) * (_BATCH if kind.startswith("batch") else 1)
    reverse = 3 if kind.endswith("gradient") else 0
    numbers = 2.0 * 2**num_qubits * layers
    operations = 2 * sum(2**size for size in mixer.place_sizes(num_qubits))
    operations += 2 * reverse * sum(2**size for size in mixer.turned_sizes(num_qubits))
    return {
        "matrix floor ms": 1e-6 * numbers * operations / gflops,
        "copy floor ms": 1e-6 * numbers * 8 * (1 + reverse) / copy_gb,
    }


def main(argv: Sequence[str]) -> None:
    """Prints a table a case, and the floors."""
    del argv
    if _ALONE.value:
        row = run_alone(_CASES.value[0], _ALONE.value, _PASSES.value)
        print(json.dumps(row) if row else "")
        return
    machine = measure_machine()
    print(f"{machine.gflops:.0f} GFLOP/s, copies {machine.copy_gb:.0f} GB/s")
    every: list[dict[str, Any]] = []
    for rows in run(_CASES.value, _PEERS.value, _PASSES.value):
        for row in rows:
            if split_case(row["case"])[0] not in ("grover", "diagonal"):
                row |= floors(row["case"], machine.gflops, machine.copy_gb)
        columns = [*COLUMNS]
        columns += [c for c in rows[0] if "floor" in c or "memory" in c]
        print("\n" + table(rows, columns), flush=True)
        every += rows
    write_rows(_OUT.value, every)


if __name__ == "__main__":
    if "--nohuge_pages" not in sys.argv:
        use_huge_pages()
    _CASES = flags.DEFINE_list("cases", ",".join(CASES), "which cases")
    _PEERS = flags.DEFINE_list("peers", ",".join(PEERS), "which other simulators")
    _PASSES = flags.DEFINE_integer("passes", 5, "interleaved passes; medians")
    _ALONE = flags.DEFINE_string("alone", None, "one simulator, its row as JSON")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    flags.DEFINE_bool("huge_pages", True, "ask for large memory pages")
    app.run(main)
