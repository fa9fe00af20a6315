"""Circuits of arbitrary gates, beside other simulators that are installed.

`ladder`: 8 layers of RY and RZ on every qubit and a ladder of CX. `random`: 40 layers
of U on every qubit and CX on a random matching. Value is the state with all amplitudes;
gradient is that of <Z_0> with respect to every angle. Compilation is a column of its
own. The largest difference of a peer's state or gradient from ours shows that the work
is the same.

`--memory=24` measures the peak of memory instead, in new processes: of a ladder of 2
layers with that many qubits, in state vectors of 8 * 2**n bytes.

python -m experiments.benches.circuits [--qubits=12,16,20] [--passes=7]
    [--peers=qsim,aer]
    [--memory=24] [--out=rows.jsonl]
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.machine import peak_memory_mib
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import compile_seconds, median_seconds
from experiments.peers.circuits import (
    PEERS,
    available_peers,
    gradient_peers,
    state_difference,
)
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.observables import expectation_diagonal
from qnas_jax.quantum.simulate import run_circuit


def random_layers(num_qubits: int, depth: int, seed: int = 0) -> Circuit:
    """Layers of U with parameters on every qubit, then CX on a random matching."""
    rng = np.random.default_rng(seed)
    operations = []
    for layer in range(depth):
        for qubit in range(num_qubits):
            first = 3 * (layer * num_qubits + qubit)
            params = tuple(Param(first + i) for i in range(3))
            operations.append(Operation("u", (qubit,), params))
        order = rng.permutation(num_qubits)
        pairs = zip(order[::2], order[1::2], strict=False)
        operations += [Operation("cx", (int(a), int(b))) for a, b in pairs]
    return Circuit(num_qubits, tuple(operations))


def run(
    qubits: Sequence[int],
    passes: int,
    peers: Sequence[str] = tuple(PEERS),
    depths: tuple[int, int] = (8, 40),
) -> Iterator[dict[str, Any]]:
    """Times all circuits.

    Args:
      qubits: numbers of qubits.
      passes: interleaved calls of each; the median counts.
      peers: other simulators, where they are installed.
      depths: layers of the ladder and of the random circuit.

    Yields:
      A row a circuit, task and simulator: milliseconds, seconds of the first call, and
      the largest difference of the result from ours.
    """
    for num_qubits in qubits:
        circuits = {
            "ladder": hardware_efficient(num_qubits, depths[0]),
            "random": random_layers(num_qubits, depths[1]),
        }
        for name, circuit in circuits.items():
            for row in _measure(circuit, passes, peers):
                yield {"circuit": name, "qubits": num_qubits, **row}


def _measure(
    circuit: Circuit, passes: int, peers: Sequence[str]
) -> list[dict[str, Any]]:
    values = np.random.default_rng(1).uniform(-np.pi, np.pi, circuit.num_params)
    params = jnp.asarray(values, jnp.float32)
    ours = jax.jit(lambda params: run_circuit(circuit, params))
    gradient = jax.jit(jax.grad(lambda params: _first_z(circuit, params)))
    tasks = {
        ("value", "qnas_jax"): lambda: ours(params),
        ("gradient", "qnas_jax"): lambda: gradient(params),
    }
    for name, make in available_peers().items():
        if name in peers:
            tasks["value", name] = make(circuit, values)
    for name, make in gradient_peers(circuit).items():
        if name in peers:
            tasks["gradient", name] = make(circuit, values)
    first = {key: compile_seconds(task) for key, task in tasks.items()}
    times = median_seconds({"/".join(key): task for key, task in tasks.items()}, passes)
    state, slopes = np.asarray(ours(params)), np.asarray(gradient(params))

    def difference(task: str, name: str) -> float:
        theirs = np.asarray(tasks[task, name]())
        if task == "value":
            return state_difference(theirs, state)
        return float(np.max(np.abs(np.sort(theirs.ravel()) - np.sort(slopes))))

    return [
        {
            "task": task,
            "simulator": name,
            "ms": 1e3 * times[f"{task}/{name}"],
            "first call s": first[task, name],
            "difference": difference(task, name),
        }
        for task, name in tasks
    ]


def run_memory(num_qubits: int) -> Iterator[dict[str, Any]]:
    """Peak of memory of value and gradient, each in a process of its own.

    Args:
      num_qubits: n of a ladder of 2 layers.

    Yields:
      A row a task: MiB more than before, also in state vectors.
    """
    for task in ("value", "gradient"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            mebibytes = pool.apply(added_memory_mib, (num_qubits, task))
        states = mebibytes * 2**20 / (8 * 2**num_qubits)
        yield {"task": task, "qubits": num_qubits, "MiB": mebibytes, "states": states}


def added_memory_mib(num_qubits: int, task: str) -> float:
    """MiB by which the peak of this process rises while a ladder is run once."""
    circuit = hardware_efficient(num_qubits, 2)
    params = jnp.zeros(circuit.num_params)
    jax.block_until_ready(jax.jit(jnp.sin)(params))
    before = peak_memory_mib()
    tasks = {
        "value": lambda params: run_circuit(circuit, params),
        "gradient": jax.grad(lambda params: _first_z(circuit, params)),
    }
    jax.block_until_ready(jax.jit(tasks[task])(params))
    return peak_memory_mib() - before


def _first_z(circuit: Circuit, params: jax.Array) -> jax.Array:
    """<Z> of qubit 0."""
    half = jnp.ones(2 ** (circuit.num_qubits - 1), jnp.float32)
    return expectation_diagonal(
        run_circuit(circuit, params), jnp.concatenate([half, -half])
    )


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    if _MEMORY.value:
        rows = list(run_memory(_MEMORY.value))
    else:
        qubits = [int(n) for n in _QUBITS.value]
        rows = list(run(qubits, _PASSES.value, _PEERS.value))
    print(table(rows, list(rows[0])))
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    use_huge_pages()
    _QUBITS = flags.DEFINE_list("qubits", ["12", "16", "20"], "numbers of qubits")
    _PASSES = flags.DEFINE_integer("passes", 7, "interleaved calls of each")
    _PEERS = flags.DEFINE_list("peers", list(PEERS), "other simulators")
    _MEMORY = flags.DEFINE_integer("memory", None, "qubits to measure memory with")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
