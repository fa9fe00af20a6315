"""Quadratic forms over bits: QUBO and Ising problems.

Ising form: Lucas, "Ising formulations of many NP problems", Front. Phys. 2 (2014).
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels import quadratic_diagonal
from qnas_jax.optimise.problems.problem import check_stored


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Quadratic:
    """A quadratic form over bits (QUBO).

    Attributes:
      linear: [n] the l_i.
      quadratic: [n, n] the q_ij above the diagonal; zeros elsewhere. `qubo` makes it
        from any square matrix.
      constant: [] added to every cost.
    """

    linear: Array
    quadratic: Array
    constant: Array | float = 0.0

    @property
    def num_levels(self) -> tuple[int, ...]:
        """(2, ..., 2), n of them."""
        return (2,) * int(self.linear.shape[-1])

    def cost(self, levels: Array) -> Array:
        """Costs [...] of bit strings [..., n]."""
        x = jnp.asarray(levels, jnp.float32)
        pairs = jnp.sum((x @ jnp.asarray(self.quadratic, jnp.float32)) * x, axis=-1)
        return self.constant + x @ jnp.asarray(self.linear, jnp.float32) + pairs

    def table(self) -> Array:
        """Costs of all bit strings, float32 [2^n].

        Raises:
          UserError: more than `MOST_STORED_QUBITS` bits.
        """
        check_stored(self.num_levels)
        return quadratic_diagonal(self.linear, self.quadratic, self.constant)

    def to_ising(self) -> tuple[Array, Array, Array]:
        """The same cost over spins s = 1 - 2 x in {1, -1}.

        Returns:
          fields [n], couplings [n, n] above the diagonal, constant [], with cost =
          constant + sum_i fields_i s_i + sum_{i<j} couplings_ij s_i s_j.
        """
        quadratic = jnp.asarray(self.quadratic)
        sums = quadratic.sum(axis=0) + quadratic.sum(axis=1)
        fields = -self.linear / 2 - sums / 4
        constant = self.constant + self.linear.sum() / 2 + quadratic.sum() / 4
        return fields, quadratic / 4, constant


def qubo(matrix: Any, constant: float = 0.0) -> Quadratic:
    """Makes a form from a square matrix Q: cost = constant + x' Q x.

    Args:
      matrix: [n, n] real; q_ij and q_ji are added up, q_ii is linear as x^2 = x.
      constant: added to every cost.

    Returns:
      The form.

    Raises:
      UserError: the matrix is not square, or an entry is not finite.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise UserError(f"QUBO: got shape {matrix.shape}, expected a square matrix")
    if not np.isfinite(matrix).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(matrix))[0])
        raise UserError(f"QUBO: got {matrix[place]} at {place}, expected numbers")
    return Quadratic(
        linear=jnp.asarray(np.diag(matrix), jnp.float32),
        quadratic=jnp.asarray(np.triu(matrix + matrix.T, k=1), jnp.float32),
        constant=constant,
    )


def ising(fields: Any, couplings: Any, constant: float = 0.0) -> Quadratic:
    """Makes a form from spins s = 1 - 2 x: constant + h' s + sum_{i<j} J_ij s_i s_j.

    Args:
      fields: [n] the h_i.
      couplings: [n, n]; J_ij and J_ji are added up, the diagonal must be zero.
      constant: added to every cost.

    Returns:
      The form.

    Raises:
      UserError: shapes do not fit, or a coupling of a spin with itself.
    """
    fields, couplings = np.asarray(fields, float), np.asarray(couplings, float)
    if fields.ndim != 1 or couplings.shape != 2 * fields.shape:
        raise UserError(
            f"Ising: got fields {fields.shape} and couplings {couplings.shape}, "
            "expected [n] and [n, n]"
        )
    if np.diag(couplings).any():
        raise UserError("Ising: got couplings on the diagonal, expected zeros there")
    pairs = couplings + couplings.T
    matrix = np.triu(4 * pairs, k=1) + np.diag(-2 * fields - 2 * pairs.sum(axis=1))
    return qubo(matrix, float(constant + fields.sum() + np.triu(pairs).sum()))
