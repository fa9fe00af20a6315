"""How many qubits fit is said before memory is asked for."""

import pytest

from qnas_jax.quantum import memory


@pytest.mark.parametrize(
    ("qubits", "bytes_each", "free", "most"),
    [(30, 57, 9e9, 27), (29, 8, 2**32 - 1, 28), (30, 1, 2**29, 29), (30, 64, 1, 0)],
)
def test_the_qubits_that_fit_by_hand(monkeypatch, qubits, bytes_each, free, most):
    monkeypatch.setattr(memory, "available_bytes", lambda: float(free))
    message = f"qaoa: got {qubits} qubits, .* expected at most {most}; use tabu"
    with pytest.raises(ValueError, match=message):
        memory.check_written_out("qaoa", qubits, bytes_each, "use tabu")
    memory.check_written_out("qaoa", min(most, 20), 1, "use tabu")


def test_more_than_indices_can_count_never_fits(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: float("inf"))
    memory.check_written_out("qaoa", 30, 64, "use tabu")
    with pytest.raises(
        ValueError, match="got 31 qubits, expected at most 30; use tabu"
    ):
        memory.check_written_out("qaoa", 31, 64, "use tabu")


def test_free_memory_is_some():
    assert memory.available_bytes() > 0
