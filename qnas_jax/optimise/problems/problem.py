"""Problems that the optimisers accept: diagonals, QUBOs, forms over K-level registers.

All costs are minimised. Letters: n qubits or bits x in {0, 1}^n, bit 0 first (the most
significant bit of the basis index); L registers, register l with K_l levels.

Forms and what they turn into:

    Quadratic   constant + sum_i l_i x_i + sum_{i<j} q_ij x_i x_j       -> Diagonal
    Levels      constant + sum_l u_l(k_l) + sum_{l<m} w_lm(k_l, k_m)    -> Quadratic
                (one-hot with a penalty), Diagonal (binary codes)
    Diagonal    any cost, one number for each of the 2^n bit strings

Ising form: Lucas, "Ising formulations of many NP problems", Front. Phys. 2 (2014).
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError

MOST_STORED_QUBITS = 30
"""More qubits than this are not written out as 2^n numbers."""


class Problem(Protocol):
    """What every optimiser over bits needs to know."""

    @property
    def num_qubits(self) -> int:
        """n, the number of bits."""
        ...

    def cost(self, bits: Array) -> Array:
        """Costs [...] of bit strings [..., n]."""
        ...

    def diagonal(self) -> Array:
        """Costs of all bit strings, float32 [2^n], in the order of the basis index."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Diagonal:
    """Any cost, given by its value on each bit string.

    Attributes:
      values: [2^n] finite numbers.
    """

    values: Array

    def __post_init__(self) -> None:
        shape = getattr(self.values, "shape", None)
        # Stacked forms, as for vmap, have more axes in front.
        if shape is not None and (len(shape) < 1 or shape[-1] & (shape[-1] - 1)):
            raise UserError(f"values: got shape {shape}, expected [2^n]")

    @property
    def num_qubits(self) -> int:
        """n, the number of bits."""
        return int(self.values.shape[-1]).bit_length() - 1

    def cost(self, bits: Array) -> Array:
        """Costs [...] of bit strings [..., n]."""
        return self.values[_basis_index(bits)]

    def diagonal(self) -> Array:
        """The values themselves, float32 [2^n]."""
        return jnp.asarray(self.values, jnp.float32)


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
    def num_qubits(self) -> int:
        """n, the number of bits."""
        return int(self.linear.shape[-1])

    def cost(self, bits: Array) -> Array:
        """Costs [...] of bit strings [..., n]."""
        x = jnp.asarray(bits, jnp.float32)
        pairs = jnp.sum((x @ jnp.asarray(self.quadratic, jnp.float32)) * x, axis=-1)
        return self.constant + x @ jnp.asarray(self.linear, jnp.float32) + pairs

    def diagonal(self) -> Array:
        """Costs of all bit strings, float32 [2^n].

        Raises:
          UserError: more than `MOST_STORED_QUBITS` bits.
        """
        check_stored(self.num_qubits)
        from qnas_jax.kernels import quadratic_diagonal

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


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Levels:
    """A quadratic form over registers of K_l levels.

    Attributes:
      unary: [L, K_max] the u_l; entries of levels that a register lacks are not read.
      pairwise: [L, L, K_max, K_max] the w_lm for l < m; zeros elsewhere.
      constant: [] added to every cost.
      num_levels: (K_1, ..., K_L).
    """

    unary: Array
    pairwise: Array
    constant: Array | float = 0.0
    num_levels: tuple[int, ...] = dataclasses.field(
        default=(), metadata={"static": True}
    )

    def cost_of_choices(self, choices: Array) -> Array:
        """Costs [...] of one level for each register, int [..., L]."""
        one_hot = jax.nn.one_hot(choices, self.unary.shape[1])
        alone = jnp.einsum("...lk,lk->...", one_hot, self._known_unary())
        pairs = jnp.einsum(
            "...lk,lmkj,...mj->...", one_hot, self.pairwise, one_hot, optimize=True
        )
        return self.constant + alone + pairs

    def table(self) -> Array:
        """Costs of all prod K_l choices, float32, the last register fastest.

        Raises:
          UserError: more than 2^`MOST_STORED_QUBITS` choices.
        """
        check_stored(np.log2(np.asarray(self.num_levels, float)).sum())
        # Two halves, and the pairs between them as one small matrix product.
        middle = (len(self.num_levels) + 1) // 2
        first, second = slice(0, middle), slice(middle, None)
        head, tail = self._table_of(first), self._table_of(second)
        between = self.pairwise[first, second].transpose(0, 2, 1, 3)
        rows = _one_hots(self.num_levels[first], self.unary.shape[1])
        columns = _one_hots(self.num_levels[second], self.unary.shape[1])
        matrix = between.reshape(rows.shape[1], columns.shape[1])
        cross = jnp.asarray(rows) @ matrix @ jnp.asarray(columns.T)
        return (self.constant + head[:, None] + tail[None, :] + cross).reshape(-1)

    def _table_of(self, part: slice) -> Array:
        """Costs of the choices of some registers among themselves."""
        one_hot = jnp.asarray(_one_hots(self.num_levels[part], self.unary.shape[1]))
        size = one_hot.shape[1]
        pairs = self.pairwise[part, part].transpose(0, 2, 1, 3).reshape(size, size)
        alone = one_hot @ self._known_unary()[part].reshape(size)
        return alone + jnp.sum((one_hot @ pairs) * one_hot, axis=1)

    def as_one_hot(self, penalty: float) -> Quadratic:
        """A QUBO with one bit a level; strings that are not one-hot cost more.

        Args:
          penalty: A of the term A (1 - sum_k x_lk)^2 of each register.

        Returns:
          A form over sum K_l bits; register l starts at bit sum(K_1 .. K_{l-1}).
        """
        register, level = _one_hot_places(self.num_levels)
        same = jnp.asarray(register[:, None] == register[None, :])
        pairs = self.pairwise[
            register[:, None], register[None, :], level[:, None], level[None, :]
        ]
        return Quadratic(
            linear=self.unary[register, level] - penalty,
            quadratic=jnp.triu(jnp.where(same, 2.0 * penalty, pairs), k=1),
            constant=self.constant + penalty * len(self.num_levels),
        )

    def as_binary(self, invalid_cost: Array | float) -> Diagonal:
        """A diagonal over ceil(log2 K_l) bits a register, its level as binary code.

        Args:
          invalid_cost: [] the cost of strings in which some code names no level.

        Returns:
          The diagonal; registers in order, most significant bit first.
        """
        widths = [(count - 1).bit_length() for count in self.num_levels]
        check_stored(sum(widths))
        table = self.table().reshape(self.num_levels)
        missing = [(0, 2**w - k) for w, k in zip(widths, self.num_levels, strict=True)]
        return Diagonal(
            jnp.pad(table, missing, constant_values=invalid_cost).reshape(-1)
        )

    def _known_unary(self) -> Array:
        known = np.arange(self.unary.shape[1])[None, :] < _column(self.num_levels)
        return jnp.where(known, self.unary, 0.0)


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


def check_stored(num_qubits: float) -> None:
    """Raises UserError if 2^n numbers are too many to be written out."""
    if num_qubits > MOST_STORED_QUBITS:
        raise UserError(
            f"got a problem of {num_qubits:.4g} qubits, expected at most "
            f"{MOST_STORED_QUBITS} where all bit strings are written out; use "
            "annealing, tabu search or simulated annealing"
        )


def _basis_index(bits: Array) -> Array:
    weights = 1 << np.arange(bits.shape[-1])[::-1]
    return jnp.asarray(bits, jnp.int32) @ jnp.asarray(weights, jnp.int32)


def _one_hots(num_levels: tuple[int, ...], most: int) -> np.ndarray:
    """Indicators float32 [prod K_l, L * most] of all choices, the last one fastest."""
    size = int(np.prod(num_levels))
    choices = np.indices(num_levels).reshape(len(num_levels), size).T
    one_hot = choices[:, :, None] == np.arange(most)
    return one_hot.reshape(size, len(num_levels) * most).astype(np.float32)


def _one_hot_places(num_levels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Register and level of each bit of the one-hot form."""
    register = np.repeat(np.arange(len(num_levels)), num_levels)
    level = np.concatenate([np.arange(count) for count in num_levels])
    return register, level


def _column(values: tuple[int, ...]) -> np.ndarray:
    return np.asarray(values)[:, None]
