"""What an optimiser knows of a problem: a cost over registers, to be minimised.

Letters: L registers, register l with K_l levels 0 .. K_l - 1; an assignment has one
level for each register; N = prod K_l assignments, numbered with the last register
fastest. A bit is a register of two levels, n bits are L = n of them: their number is
the basis index, bit 0 the most significant (`quantum.conventions`).

Forms, and what they turn into:

    Quadratic   constant + sum_i l_i x_i + sum_{i<j} q_ij x_i x_j, bits only
    Levels      constant + sum_l u_l(k_l) + sum_{l<m} w_lm(k_l, k_m)    -> Quadratic
                (one-hot with a penalty), Diagonal (binary codes)
    Diagonal    any cost, one number for each assignment

Anything else with the three members of `Problem` will do.
"""

import dataclasses
import math
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.inputs import as_real, check_numbers, is_known
from qnas_jax.quantum.memory import check_written_out
from qnas_jax.value import Value

WRITES_NOTHING_OUT = "use simulated_annealing, path_integral or tabu"
"""What to do where there are too many assignments."""


class Problem(Protocol):
    """A cost over registers."""

    @property
    def num_levels(self) -> tuple[int, ...]:
        """(K_1, ..., K_L)."""
        ...

    def cost(self, levels: Array) -> Array:
        """Costs [...] of assignments, integers [..., L]."""
        ...

    def table(self) -> Array:
        """Costs of all assignments, floats [N], the last register fastest."""
        ...


class Diagonal(Value):
    """Any cost, given by its value on each assignment.

    Attributes:
      values: [N] numbers; infinity is for what may not be the answer.
      num_levels: (K_1, ..., K_L), N = prod K_l; empty for N = 2^n and n bits.

    Raises:
      UserError: N does not fit, or values that are not real, or minus infinity.
    """

    values: Array | np.ndarray
    num_levels: tuple[int, ...] = dataclasses.field(
        default=(), metadata={"pytree_node": False}
    )

    def __post_init__(self) -> None:
        shape = np.shape(self.values)
        # Stacked forms, as for vmap, have more axes in front.
        size = shape[-1] if shape else 0
        levels = tuple(map(int, self.num_levels))
        if not levels and size and not size & (size - 1):
            levels = (2,) * (size.bit_length() - 1)
        object.__setattr__(self, "num_levels", levels)
        if math.prod(levels) != size or min(levels, default=1) < 1:
            wanted = f"[{'*'.join(map(str, levels)) or '2^n'}]"
            raise UserError(f"values: got shape {shape}, expected {wanted}")
        check_numbers("values", self.values, infinite=True)

    def cost(self, levels: Array) -> Array:
        """Costs [...] of assignments, integers [..., L]; others are a UserError."""
        check_levels(levels, self.num_levels)
        return jnp.asarray(self.values)[number_of(levels, self.num_levels)]

    def table(self) -> Array:
        """The values, floats [N]."""
        return as_real("values", self.values)


def are_bits(problem: Problem) -> bool:
    """Whether all registers have two levels."""
    return set(problem.num_levels) <= {2}


def num_bits(problem: Problem, optimiser: str) -> int:
    """n, the number of bits of a problem over bits.

    Args:
      problem: to be minimised.
      optimiser: the name that a message gives.

    Raises:
      UserError: a register has another number of levels than two.
    """
    if not are_bits(problem):
        raise UserError(
            f"{optimiser}: got registers of {problem.num_levels} levels, expected bits "
            "(two levels each); turn them into bits by as_one_hot or as_binary"
        )
    return len(problem.num_levels)


def check_levels(levels: Any, num_levels: tuple[int, ...]) -> None:
    """Assignments have to be [..., L], and where they are known whole and in range.

    Raises:
      UserError: otherwise.
    """
    shape = np.shape(levels)
    if not shape or shape[-1] != len(num_levels):
        raise UserError(
            f"levels: got shape {shape}, expected [..., {len(num_levels)}], a level "
            "for each register"
        )
    if not is_known(levels):
        return
    known = np.asarray(levels)
    wrong = (known < 0) | (known >= np.asarray(num_levels)) | (np.mod(known, 1) != 0)
    if wrong.any():
        most = num_levels if len(set(num_levels)) > 1 else num_levels[0]
        raise UserError(
            f"levels: got {known[wrong][0]} in some register, expected whole numbers "
            f"from 0 to below {most}"
        )


def levels_at(numbers: Array, num_levels: tuple[int, ...]) -> Array:
    """Assignments int32 [..., L] by their numbers [...] in the table."""
    numbers = jnp.asarray(numbers, jnp.int32)[..., None]
    shape = (1,) * (numbers.ndim - 1) + (-1,)
    counts = jnp.asarray(num_levels, jnp.int32).reshape(shape)
    return numbers // jnp.asarray(_strides(num_levels)).reshape(shape) % counts


def number_of(levels: Array, num_levels: tuple[int, ...]) -> Array:
    """Numbers int32 [...] in the table of assignments [..., L]."""
    return jnp.asarray(levels, jnp.int32) @ jnp.asarray(_strides(num_levels))


def random_levels(key: Array, num_levels: tuple[int, ...]) -> Array:
    """A uniform assignment int32 [L]; consumes the key."""
    counts = jnp.asarray(num_levels, jnp.int32)
    return jax.random.randint(key, counts.shape, 0, counts)


def check_stored(num_levels: tuple[int, ...], what: str = "all costs") -> None:
    """Raises UserError if there are too many assignments to be written out."""
    check_written_out(what, num_qubits_of(num_levels), 4, WRITES_NOTHING_OUT)


def num_qubits_of(num_levels: tuple[int, ...]) -> float:
    """log2 of the number of assignments; of bits how many they are."""
    return float(np.log2(np.asarray(num_levels, float)).sum())


def check_range(what: str, coefficients: Any) -> None:
    """Coefficients may not add up to more than float32 holds.

    Raises:
      UserError: their sum overflows; traced ones are taken as they are.
    """
    if not is_known(coefficients):
        return
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(coefficients)]
    with np.errstate(over="ignore"):
        largest = sum(float(np.abs(leaf).sum(dtype=np.float64)) for leaf in leaves)
    most = float(np.finfo(np.float32).max)
    if not largest < most:
        raise UserError(
            f"{what}: got numbers that add up to {largest:.3g}, expected less than "
            f"{most:.3g}; give them in a larger unit"
        )


def _strides(num_levels: tuple[int, ...]) -> np.ndarray:
    """Int32 [L]: by how much one level more of a register moves the number."""
    sizes = (1, *num_levels[:0:-1])[: len(num_levels)]
    return np.cumprod(sizes, dtype=np.int32)[::-1]
