"""Alternating circuits by their definition, in complex128."""

import numpy as np

X = np.array([[0, 1], [1, 0]])


def plain_qaoa(terms, gammas, betas):
    """The state of terms [m, 2^n], gammas [p, m] and betas [p, n]."""
    size = terms.shape[-1]
    state = np.full(size, size**-0.5, complex)
    for gamma, beta in zip(gammas, betas, strict=True):
        state = np.exp(-1j * (gamma @ terms)) * state
        for qubit, angle in enumerate(beta):
            halves = state.reshape(2**qubit, 2, -1)
            gate = np.cos(angle) * np.eye(2) - 1j * np.sin(angle) * X
            state = np.einsum("ij,ajb->aib", gate, halves).reshape(-1)
    return state


def plain_expectation(terms, gammas, betas):
    return np.abs(plain_qaoa(terms, gammas, betas)) ** 2 @ terms.sum(axis=0)


def qaoa_inputs(num_qubits, num_layers, num_terms, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, 3, (num_terms, 2**num_qubits)),
        rng.uniform(-1, 1, (num_layers, num_terms)),
        rng.uniform(-3, 3, (num_layers, num_qubits)),
    )
