"""Expectations of Pauli sums and of diagonal costs, without large matrices.

A Pauli string is i**(number of Y) times a bit flip (where it has X or Y) after a sign,
the parity of some bits (where it has Y or Z). Strings that flip the same bits share the
products conj(s[j ^ flip]) s[j]; the signs factor into those of the high and of the low
half of the bits, so that all their sums are one matrix product with small tables.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.quantum.conventions import num_qubits_of
from qnas_jax.quantum.inputs import as_real, as_state


@dataclasses.dataclass(frozen=True)
class PauliSum:
    """A weighted sum of Pauli strings.

    Attributes:
      num_qubits: n.
      strings: such as "XIZ", n letters of IXYZ each; the leftmost is qubit 0.
      coefficients: one real number a string.

    Raises:
      UserError: lengths do not agree, a letter is not one of IXYZ, or a coefficient
        is not real and finite.
    """

    num_qubits: int
    strings: tuple[str, ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        is_count = isinstance(self.num_qubits, int | np.integer)
        if not is_count or self.num_qubits < 0:
            raise UserError(
                f"num_qubits: got {self.num_qubits!r}, expected a whole number"
            )
        for name in ("strings", "coefficients"):
            values = getattr(self, name)
            if not isinstance(values, tuple | list | np.ndarray):
                raise UserError(f"{name}: got {values!r}, expected a tuple of them")
        if len(self.strings) != len(self.coefficients):
            raise UserError(
                f"{len(self.strings)} strings have {len(self.coefficients)} "
                "coefficients; one each is needed"
            )
        numbers = tuple(
            _real(*pair) for pair in zip(self.strings, self.coefficients, strict=True)
        )
        object.__setattr__(self, "strings", tuple(self.strings))
        object.__setattr__(self, "coefficients", numbers)
        for string in self.strings:
            if (
                not isinstance(string, str)
                or len(string) != self.num_qubits
                or set(string) - set("IXYZ")
            ):
                raise UserError(
                    f"{string!r} is not a string of {self.num_qubits} letters of IXYZ"
                )


def _real(string: str, coefficient: Any) -> float:
    try:
        number = np.asarray(coefficient)
        value = complex(number) if number.dtype.kind in "biufc" else complex(math.nan)
    # Arrays of several numbers, objects that refuse, and integers beyond a float.
    except (TypeError, ValueError, OverflowError):
        value = complex(math.nan)
    if value.imag or not math.isfinite(value.real):
        raise UserError(
            f"coefficient of {string!r}: got {coefficient}, expected a real number"
        )
    return value.real


def expectation(state: jax.Array, observable: PauliSum) -> jax.Array:
    """<state|observable|state>.

    Args:
      state: [2**n] complex, normalised.
      observable: of n qubits.

    Returns:
      Real scalar.

    Raises:
      UserError: the numbers of qubits differ.
    """
    state = as_state(state)
    num_qubits = num_qubits_of(state)
    if observable.num_qubits != num_qubits:
        raise UserError(
            f"the observable has {observable.num_qubits} qubits, the state {num_qubits}"
        )
    groups = _by_flip(observable)
    diagonal = [group for group in groups if not group[0]]
    flipping = [group for group in groups if group[0]]
    parts = [_sum_groups(state, part) for part in (diagonal, flipping) if part]
    return sum(parts, jnp.zeros((), state.real.dtype))


def expectation_diagonal(state: jax.Array, diagonal: jax.Array) -> jax.Array:
    """<state|diag(diagonal)|state>, divided by the norm of the state.

    Args:
      state: [2**n] complex.
      diagonal: [2**n] real.

    Returns:
      Real scalar.

    Raises:
      UserError: the lengths differ, or the diagonal is complex.
    """
    state, diagonal = as_state(state), as_real("diagonal", diagonal)
    if state.shape != diagonal.shape:
        raise UserError(
            f"expectation_diagonal: got state {state.shape} and diagonal "
            f"{diagonal.shape}, expected [2**n] each"
        )
    weights = state.real**2 + state.imag**2
    return jnp.sum(weights * diagonal.astype(weights.dtype)) / jnp.sum(weights)


def ground_energy(observable: PauliSum) -> float:
    """Smallest eigenvalue, by SciPy in double precision (Lanczos from 2**7 states on).

    What is a multiple of the identity is put apart, and a sum without X and Y has its
    eigenvalues on the diagonal: Lanczos has nothing to start from in a zero operator.

    Args:
      observable: of at most 20 qubits.

    Returns:
      The energy in the unit of the coefficients.

    Raises:
      UserError: more than 20 qubits.
    """
    num_qubits = observable.num_qubits
    if num_qubits > 20:
        raise UserError(f"ground_energy takes at most 20 qubits, got {num_qubits}")
    size = 2**num_qubits
    indices = np.arange(size)
    constant, scale, rest = _apart(observable)
    terms = [
        (
            flip,
            sum((w * _signs(mask, indices) for mask, w in members), np.zeros(size)),
        )
        for flip, members in _by_flip(rest)
    ]
    if not any(flip for flip, _ in terms):
        lowest = min((float(np.real(signs).min()) for _, signs in terms), default=0.0)
        return constant + scale * lowest

    def apply(vector: np.ndarray) -> np.ndarray:
        flat = vector.reshape(-1)
        parts = ((signs * flat)[indices ^ flip] for flip, signs in terms)
        return sum(parts, np.zeros(size, complex))

    if num_qubits <= 6:
        matrix = np.stack([apply(row) for row in np.eye(size)], axis=1)
        return constant + scale * float(np.linalg.eigvalsh(matrix)[0])
    import scipy.sparse.linalg  # here, as it takes a tenth of the package's import

    operator = scipy.sparse.linalg.LinearOperator((size, size), apply, dtype=complex)
    start = np.random.default_rng(0).normal(size=size)
    values = scipy.sparse.linalg.eigsh(
        operator, k=1, which="SA", v0=start, return_eigenvectors=False
    )
    return constant + scale * float(values[0])


def _apart(observable: PauliSum) -> tuple[float, float, PauliSum]:
    """Coefficient of the identity, largest other one, and the others divided by it."""
    terms: dict[str, float] = {}
    for string, weight in zip(observable.strings, observable.coefficients, strict=True):
        terms[string] = terms.get(string, 0.0) + weight
    constant = terms.pop("I" * observable.num_qubits, 0.0)
    scale = max(map(abs, terms.values()), default=0.0) or 1.0
    kept = {string: weight / scale for string, weight in terms.items() if weight}
    rest = PauliSum(observable.num_qubits, tuple(kept), tuple(kept.values()))
    return constant, scale, rest


_Group = tuple[int, list[tuple[int, complex]]]


def _by_flip(observable: PauliSum) -> list[_Group]:
    """Strings as (mask of signs, coefficient times a power of i), by flipped bits."""
    groups: dict[int, list[tuple[int, complex]]] = {}
    pairs = zip(observable.strings, observable.coefficients, strict=True)
    for string, coefficient in pairs:
        flip = int("0" + "".join(str(int(c in "XY")) for c in string), 2)
        mask = int("0" + "".join(str(int(c in "YZ")) for c in string), 2)
        weight = coefficient * 1j ** string.count("Y")
        groups.setdefault(flip, []).append((mask, weight))
    return list(groups.items())


def _signs(mask: int, indices: np.ndarray) -> np.ndarray:
    """-1 to the parity of the bits of each index that are in the mask."""
    return 1.0 - 2.0 * (np.bitwise_count(indices & mask) & 1)


def _sum_groups(state: jax.Array, groups: list[_Group]) -> jax.Array:
    """Sum of all strings of groups, one group after the other."""
    real_type = state.real.dtype
    widest = max(len(members) for _, members in groups)
    padded = [m + [(0, 0j)] * (widest - len(m)) for _, m in groups]
    masks = np.array([[mask for mask, _ in members] for members in padded], np.int32)
    weights = np.array([[weight for _, weight in members] for members in padded])
    flips = np.array([flip for flip, _ in groups], np.int32)

    @jax.checkpoint
    def add(total: jax.Array, group: tuple) -> tuple[jax.Array, None]:
        flip, masks, real, imag = group
        indices = jnp.arange(state.shape[0], dtype=jnp.int32) ^ flip
        flipped = state.at[indices].get(mode="promise_in_bounds", unique_indices=True)
        product = flipped.conj() * state
        total += jnp.sum(real * _signed_sums(product.real, masks))
        return total - jnp.sum(imag * _signed_sums(product.imag, masks)), None

    parts = [jnp.asarray(part, real_type) for part in (weights.real, weights.imag)]
    start = jnp.zeros((), real_type)
    return lax.scan(add, start, (jnp.asarray(flips), jnp.asarray(masks), *parts))[0]


def _signed_sums(values: jax.Array, masks: jax.Array) -> jax.Array:
    """Sums [m] of values [2**n] with the signs of m masks."""
    half = num_qubits_of(values) // 2
    low = _sign_table(masks & (2**half - 1), half, values.dtype)
    high = _sign_table(masks >> half, num_qubits_of(values) - half, values.dtype)
    rows = values.reshape(high.shape[0], low.shape[0])
    sums = jnp.matmul(rows, low, precision=lax.Precision.HIGHEST)
    return jnp.sum(sums * high, axis=0)


def _sign_table(
    masks: jax.Array, num_bits: int, dtype: jax.typing.DTypeLike
) -> jax.Array:
    """Signs [2**num_bits, m]."""
    indices = jnp.arange(2**num_bits, dtype=masks.dtype)
    parity = lax.population_count(indices[:, None] & masks[None, :]) & 1
    return (1 - 2 * parity).astype(dtype)
