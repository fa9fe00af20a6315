"""Quadratic forms over registers of any number of levels, and their bits."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.problem import (
    Diagonal,
    check_levels,
    check_range,
    check_stored,
)
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.quantum.inputs import check_numbers, is_known
from qnas_jax.value import Value


class Levels(Value):
    """A quadratic form over registers of K_l levels.

    Attributes:
      unary: [L, K_max] the u_l; entries of levels that a register lacks are not read.
      pairwise: [L, L, K_max, K_max] the w_lm for l < m; zeros elsewhere.
      constant: [] added to every cost.
      num_levels: (K_1, ..., K_L).

    Raises:
      UserError: shapes that do not fit, numbers that are not real and finite, or
        pairs with l >= m.
    """

    unary: Array | np.ndarray
    pairwise: Array | np.ndarray
    constant: Array | float = 0.0
    num_levels: tuple[int, ...] = dataclasses.field(
        default=(), metadata={"pytree_node": False}
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_levels", tuple(map(int, self.num_levels)))
        self._check_shapes()
        if not is_known(self):
            return
        read = np.where(self._known(), np.asarray(self.unary), 0.0)
        parts = {"unary": read, "pairwise": self.pairwise, "constant": self.constant}
        for name, values in parts.items():
            check_numbers(name, values)
        later = np.triu(np.ones(2 * (len(self.num_levels),), bool), k=1)
        if np.asarray(self.pairwise)[..., ~later, :, :].any():
            raise UserError(
                "pairwise: got numbers for registers l >= m, expected zeros there; add "
                "w_ml(k_m, k_l) to w_lm(k_l, k_m)"
            )
        check_range("levels", list(parts.values()))

    def _check_shapes(self) -> None:
        unary, pairwise = np.shape(self.unary), np.shape(self.pairwise)
        registers, most = unary[-2:] if len(unary) > 1 else (0, 0)
        counts = self.num_levels
        # Stacked forms, as for vmap, have more axes in front.
        fits = pairwise == (*unary[:-2], registers, registers, most, most)
        fits = fits and len(counts) == registers > 0
        if not fits or not all(1 <= count <= most for count in counts):
            raise UserError(
                f"levels: got unary {unary} and pairwise {pairwise} for registers of "
                f"{counts} levels, expected [L, K] and [L, L, K, K] with L = "
                f"{len(counts)} and K = {max(counts, default=1)} or more"
            )

    def cost(self, levels: Array) -> Array:
        """Costs [...] of assignments, integers [..., L]; UserError for what is none."""
        check_levels(levels, self.num_levels)
        one_hot = jax.nn.one_hot(levels, self.unary.shape[1])
        alone = jnp.einsum("...lk,lk->...", one_hot, self._known_unary())
        pairs = jnp.einsum(
            "...lk,lmkj,...mj->...",
            one_hot,
            self.pairwise,
            one_hot,
            optimize=True,
            precision="highest",
        )
        return self.constant + alone + pairs

    def table(self) -> Array:
        """Costs of all assignments, floats [N], the last register fastest.

        Raises:
          UserError: more than 2^`MOST_STORED_QUBITS` assignments.
        """
        check_stored(self.num_levels)
        # Two halves, and the pairs between them as one small matrix product.
        middle = (len(self.num_levels) + 1) // 2
        first, second = slice(0, middle), slice(middle, None)
        head, tail = self._table_of(first), self._table_of(second)
        between = jnp.asarray(self.pairwise)[first, second].transpose(0, 2, 1, 3)
        rows = one_hots(self.num_levels[first], self.unary.shape[1])
        columns = one_hots(self.num_levels[second], self.unary.shape[1])
        matrix = between.reshape(rows.shape[1], columns.shape[1])
        cross = _product(_product(rows, matrix), columns.T)
        return (self.constant + head[:, None] + tail[None, :] + cross).reshape(-1)

    def _table_of(self, part: slice) -> Array:
        """Costs of the assignments of some registers among themselves."""
        one_hot = jnp.asarray(one_hots(self.num_levels[part], self.unary.shape[1]))
        size = one_hot.shape[1]
        pairs = jnp.asarray(self.pairwise)[part, part].transpose(0, 2, 1, 3)
        alone = _product(one_hot, self._known_unary()[part].reshape(size))
        rows = _product(one_hot, pairs.reshape(size, size))
        return alone + jnp.sum(rows * one_hot, axis=1)

    def as_one_hot(self, penalty: float) -> Quadratic:
        """A QUBO with one bit a level; strings that are not one-hot cost more.

        Args:
          penalty: A of the term A (1 - sum_k x_lk)^2 of each register.

        Returns:
          A form over sum K_l bits; register l starts at bit sum(K_1 .. K_{l-1}).

        Raises:
          UserError: a penalty that is not a finite real number.
        """
        check_numbers("penalty", penalty)
        register, level = _one_hot_places(self.num_levels)
        same = register[:, None] == register[None, :]
        # Known numbers stay in double precision: penalties may be large.
        xp, wide = (np, np.float64) if is_known((self, penalty)) else (jnp, None)
        pairs = xp.asarray(self.pairwise, wide)[
            register[:, None], register[None, :], level[:, None], level[None, :]
        ]
        return Quadratic(
            linear=xp.asarray(self.unary, wide)[register, level] - penalty,
            quadratic=xp.triu(xp.where(same, 2.0 * penalty, pairs), k=1),
            constant=self.constant + penalty * len(self.num_levels),
        )

    def as_binary(self, invalid_cost: Array | float) -> Diagonal:
        """A diagonal over ceil(log2 K_l) bits a register, its level as binary code.

        Args:
          invalid_cost: [] the cost of strings in which some code names no level.

        Returns:
          The diagonal; registers in order, most significant bit first.

        Raises:
          UserError: too many strings to be written out.
        """
        widths = [(count - 1).bit_length() for count in self.num_levels]
        check_stored((2,) * sum(widths))
        table = self.table().reshape(self.num_levels)
        missing = [(0, 2**w - k) for w, k in zip(widths, self.num_levels, strict=True)]
        return Diagonal(
            jnp.pad(table, missing, constant_values=invalid_cost).reshape(-1)
        )

    def _known_unary(self) -> Array:
        return jnp.where(self._known(), jnp.asarray(self.unary), 0.0)

    def _known(self) -> np.ndarray:
        """Bool [L, K_max], which levels each register has."""
        return np.arange(np.shape(self.unary)[-1]) < _column(self.num_levels)


def _product(left: Array | np.ndarray, right: Array | np.ndarray) -> Array:
    return jnp.matmul(jnp.asarray(left), jnp.asarray(right), precision="highest")


def one_hots(num_levels: tuple[int, ...], most: int) -> np.ndarray:
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
