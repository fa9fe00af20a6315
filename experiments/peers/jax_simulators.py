"""State-vector simulators on JAX: TensorCircuit-NG and qujax.

Each function prepares a task once, see `statevector_peers`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.peers.statevector_task import Run, Task


def _tensorcircuit_cost(task: Task) -> Callable[[Any, Any], Any]:
    import tensorcircuit

    tensorcircuit.set_backend("jax")
    diagonal, size = jnp.asarray(task.diagonal), task.diagonal.size

    def cost(gammas: Any, betas: Any) -> Any:
        state = jnp.full(size, size**-0.5, jnp.complex64)
        for layer in range(gammas.shape[0]):
            state = state * jnp.exp(-1j * gammas[layer] * diagonal)
            circuit = tensorcircuit.Circuit(task.num_qubits, inputs=state)
            for qubit in range(task.num_qubits):
                circuit.rx(qubit, theta=2 * betas[layer])
            state = circuit.state()
        return jnp.sum(jnp.abs(state) ** 2 * diagonal)

    return cost


def tensorcircuit_runs(kind: str) -> Callable[[Task], Run]:
    """TensorCircuit-NG on JAX: diagonals as products, gates by contraction.

    Args:
      kind: "value", "gradient", "batch" or "batch_gradient".

    Returns:
      The function of `Peer`.
    """

    def prepare(task: Task) -> Run:
        function = _tensorcircuit_cost(task)
        return _compiled(function, task, kind)

    return prepare


def qujax_value(task: Task) -> Run:
    """qujax: gates, compiled by JAX."""
    import qujax

    gates = ["H"] * task.num_qubits
    qubits = [[q] for q in range(task.num_qubits)]
    places: list[list[int]] = [[] for _ in range(task.num_qubits)]
    scales: list[tuple[int, int, float]] = []

    def add(gate: str, on: list[int], row: int, layer: int, scale: float) -> None:
        gates.append(gate)
        qubits.append(on)
        places.append([len(scales)])
        scales.append((row, layer, scale))

    for layer in range(len(task.gammas)):
        for qubit, field in enumerate(task.fields):
            add("Rz", [qubit], 0, layer, 2 * field / np.pi)
        for i, j, coupling in task.pairs:
            add("ZZPhase", [i, j], 0, layer, 2 * coupling / np.pi)
        for qubit in range(task.num_qubits):
            add("Rx", [qubit], 1, layer, 2 / np.pi)
    angles = np.stack([task.gammas, task.betas])
    params = jnp.asarray([angles[r, k] * s for r, k, s in scales], jnp.float32)
    state_of = qujax.get_params_to_statetensor_func(gates, qubits, places)
    diagonal = jnp.asarray(task.diagonal)

    @jax.jit
    def cost(params: Any) -> Any:
        return jnp.sum(jnp.abs(state_of(params).reshape(-1)) ** 2 * diagonal)

    return lambda: cost(params)


def _compiled(function: Callable[[Any, Any], Any], task: Task, kind: str) -> Run:
    """A function of (gammas, betas) as one of the four kinds of `Peer`."""
    if kind.endswith("gradient"):
        slopes = jax.grad(function, argnums=(0, 1))

        def function(gammas: Any, betas: Any) -> Any:
            return jnp.stack(slopes(gammas, betas))

    if kind.startswith("batch"):
        function = jax.vmap(function)
    compiled = jax.jit(function)
    angles = jnp.float32(task.gammas), jnp.float32(task.betas)
    return lambda: compiled(*angles)
