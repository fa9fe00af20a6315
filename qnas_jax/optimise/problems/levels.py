"""Quadratic forms over registers of any number of levels, and their bits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.problem import Diagonal, check_stored
from qnas_jax.optimise.problems.quadratic import Quadratic


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

    def cost(self, levels: Array) -> Array:
        """Costs [...] of assignments, integers [..., L]."""
        one_hot = jax.nn.one_hot(levels, self.unary.shape[1])
        alone = jnp.einsum("...lk,lk->...", one_hot, self._known_unary())
        pairs = jnp.einsum(
            "...lk,lmkj,...mj->...", one_hot, self.pairwise, one_hot, optimize=True
        )
        return self.constant + alone + pairs

    def table(self) -> Array:
        """Costs of all assignments, float32 [N], the last register fastest.

        Raises:
          UserError: more than 2^`MOST_STORED_QUBITS` assignments.
        """
        check_stored(self.num_levels)
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
        """Costs of the assignments of some registers among themselves."""
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
        check_stored((2,) * sum(widths))
        table = self.table().reshape(self.num_levels)
        missing = [(0, 2**w - k) for w, k in zip(widths, self.num_levels, strict=True)]
        return Diagonal(
            jnp.pad(table, missing, constant_values=invalid_cost).reshape(-1)
        )

    def _known_unary(self) -> Array:
        known = np.arange(self.unary.shape[1])[None, :] < _column(self.num_levels)
        return jnp.where(known, self.unary, 0.0)


def _one_hots(num_levels: tuple[int, ...], most: int) -> np.ndarray:
    """Indicators float32 [N, L * most] of all assignments, last register fastest."""
    size = int(np.prod(num_levels))
    levels = np.indices(num_levels).reshape(len(num_levels), size).T
    one_hot = levels[:, :, None] == np.arange(most)
    return one_hot.reshape(size, len(num_levels) * most).astype(np.float32)


def _one_hot_places(num_levels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Register and level of each bit of the one-hot form."""
    register = np.repeat(np.arange(len(num_levels)), num_levels)
    level = np.concatenate([np.arange(count) for count in num_levels])
    return register, level


def _column(values: tuple[int, ...]) -> np.ndarray:
    return np.asarray(values)[:, None]
