"""Quadratic forms over bits: QUBO and Ising problems.

Ising form: Lucas, "Ising formulations of many NP problems", Front. Phys. 2 (2014).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels import quadratic_diagonal
from qnas_jax.optimise.problems.problem import check_levels, check_range, check_stored
from qnas_jax.quantum.inputs import check_numbers, is_known
from qnas_jax.value import Value


class Quadratic(Value):
    """A quadratic form over bits (QUBO).

    Attributes:
      linear: [n] the l_i.
      quadratic: [n, n] the q_ij above the diagonal; zeros elsewhere. `qubo` makes it
        from any square matrix.
      constant: [] added to every cost.

    Raises:
      UserError: shapes that do not fit, numbers that are not real and finite, or
        numbers on or below the diagonal.
    """

    linear: Array | np.ndarray
    quadratic: Array | np.ndarray
    constant: Array | float = 0.0

    def __post_init__(self) -> None:
        linear, quadratic = np.shape(self.linear), np.shape(self.quadratic)
        # Stacked forms, as for vmap, have more axes in front.
        if not linear or not linear[-1] or quadratic != (*linear, linear[-1]):
            raise UserError(
                f"quadratic form: got linear {linear} and quadratic {quadratic}, "
                "expected [n] and [n, n]"
            )
        for name in ("linear", "quadratic", "constant"):
            check_numbers(name, getattr(self, name))
        if is_known(self.quadratic) and not _is_upper(np.asarray(self.quadratic)):
            raise UserError(
                "quadratic: got numbers on or below the diagonal, expected zeros; "
                "qubo makes a form from any square matrix"
            )
        check_range("quadratic form", self)

    @property
    def num_levels(self) -> tuple[int, ...]:
        """(2, ..., 2), n of them."""
        return (2,) * int(self.linear.shape[-1])

    def cost(self, levels: Array) -> Array:
        """Costs [...] of bit strings [..., n]; UserError for what is none."""
        check_levels(levels, self.num_levels)
        linear, quadratic = self.coefficients()
        x = jnp.asarray(levels, linear.dtype)
        rows = jnp.matmul(x, quadratic, precision="highest")
        alone = jnp.matmul(x, linear, precision="highest")
        return self.constant + alone + jnp.sum(rows * x, axis=-1)

    def table(self) -> Array:
        """Costs of all bit strings, float32 [2^n].

        Raises:
          UserError: more than `MOST_STORED_QUBITS` bits.
        """
        check_stored(self.num_levels)
        return quadratic_diagonal(*self.coefficients(), self.constant)

    def coefficients(self) -> tuple[Array, Array]:
        """Linear [n] and quadratic [n, n], float32 (float64 where that is enabled)."""
        linear, quadratic = jnp.asarray(self.linear), jnp.asarray(self.quadratic)
        dtype = jnp.promote_types(jnp.result_type(linear, quadratic), jnp.float32)
        return linear.astype(dtype), quadratic.astype(dtype)

    def to_ising(self) -> tuple[Array, Array, Array]:
        """The same cost over spins s = 1 - 2 x in {1, -1}.

        Returns:
          fields [n], couplings [n, n] above the diagonal, constant [], with cost =
          constant + sum_i fields_i s_i + sum_{i<j} couplings_ij s_i s_j.
        """
        linear, quadratic = self.coefficients()
        sums = quadratic.sum(axis=0) + quadratic.sum(axis=1)
        fields = -linear / 2 - sums / 4
        constant = self.constant + linear.sum() / 2 + quadratic.sum() / 4
        return fields, quadratic / 4, constant


def qubo(matrix: Any, constant: float = 0.0) -> Quadratic:
    """Makes a form from a square matrix Q: cost = constant + x' Q x.

    >>> import qnas_jax as qnas
    >>> problem = qnas.qubo([[-1, 2], [0, -3]], constant=1.0)
    >>> qnas.minimise(problem, optimiser="exhaustive").levels.tolist()
    [0, 1]

    Args:
      matrix: [n, n] real; q_ij and q_ji are added up, q_ii is linear as x^2 = x.
      constant: added to every cost.

    Returns:
      The form, its numbers float64 of NumPy: what computes with them rounds them.

    Raises:
      UserError: the matrix is not square, or an entry is not real and finite.
    """
    check_numbers("QUBO", matrix)
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise UserError(f"QUBO: got shape {matrix.shape}, expected a square matrix")
    return Quadratic(
        linear=np.diag(matrix).copy(),
        quadratic=np.triu(matrix + matrix.T, k=1),
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
      UserError: shapes do not fit, numbers that are not real and finite, or a
        coupling of a spin with itself.
    """
    check_numbers("Ising, fields", fields)
    check_numbers("Ising, couplings", couplings)
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


def _is_upper(matrices: np.ndarray) -> bool:
    """Whether [..., n, n] are zero on and below the diagonal, row by row."""
    rows = range(matrices.shape[-1])
    return not any(matrices[..., row, : row + 1].any() for row in rows)
