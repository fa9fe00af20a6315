"""Formula landscapes: OneMax and the knapsack problem, as evaluators of archs.

An evaluator here is `evaluate(key, archs) -> (archs, scores)`; that of the knapsack
hands back repaired archs, so that a strategy learns from what was scored.

Source of the knapsack with repair: Han & Kim, Genetic quantum algorithm and its
application to combinatorial optimization problem, CEC 2000.
"""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Sequence

import chex
import jax.numpy as jnp
import numpy as np
from jax import Array

Evaluator = Callable[[Array, Array], tuple[Array, Array]]


def onemax(archs: Array, num_ops: int | Sequence[int] = 2) -> Array:
    """Share of the layers whose op is their last one; OneMax on layers of two ops.

    Args:
      archs: int32 [P, L].
      num_ops: ops of every layer, or (K_1, ..., K_L).

    Returns:
      float32 [P] in [0, 1]; 1 at the only optimum.
    """
    last = np.broadcast_to(np.asarray(num_ops) - 1, archs.shape)
    return jnp.mean(archs == last, axis=1, dtype=jnp.float32)


def onemax_evaluator(num_ops: int | Sequence[int] = 2) -> Evaluator:
    """Makes the evaluator of `onemax`."""

    def evaluate(key: Array, archs: Array) -> tuple[Array, Array]:
        del key
        return archs, onemax(archs, num_ops)

    return evaluate


@dataclasses.dataclass(frozen=True, eq=False)
class Knapsack:
    """Items to pack so that the price is highest and the weight fits.

    Attributes:
      capacity: largest weight allowed.
      weights: float32 [n], positive.
      prices: float32 [n].
    """

    capacity: float
    weights: np.ndarray
    prices: np.ndarray


def read_knapsack(path: str | pathlib.Path) -> Knapsack:
    """Reads an instance: the capacity, then a line `weight price` for each item.

    Args:
      path: a text file; empty lines and lines that start with # are skipped.

    Returns:
      The instance.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a line that is not as expected, or no item.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"knapsack: got {path}, expected an existing text file; check the path"
        )
    rows: list[list[float]] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip() and not line.strip().startswith("#"):
            expected = "weight price" if rows else "capacity"
            rows.append(_parse_positive(line, expected, f"{path}, line {number}"))
    if len(rows) < 2:
        raise ValueError(
            f"{path}: got {len(rows)} lines of numbers, expected the capacity and at "
            "least one line 'weight price'"
        )
    items = np.asarray(rows[1:], np.float32)
    return Knapsack(rows[0][0], items[:, 0], items[:, 1])


def _parse_positive(line: str, expected: str, where: str) -> list[float]:
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        numbers = []
    good = len(numbers) == len(expected.split())
    if not good or not all(0 < number < math.inf for number in numbers):
        raise ValueError(
            f"{where}: got {line.strip()!r}, expected '{expected}' as positive numbers"
        )
    return numbers


def knapsack_value(knapsack: Knapsack, bits: Array) -> Array:
    """Total price of the packed items.

    Args:
      knapsack: the instance.
      bits: int [P, n], 1 for a packed item.

    Returns:
      float32 [P].
    """
    return jnp.sum(bits * jnp.asarray(knapsack.prices)[None, :], axis=1)


def repair(knapsack: Knapsack, bits: Array) -> Array:
    """Makes packings fit, as Han & Kim do.

    If the weight is above the capacity, items are dropped from the front until it fits.
    Then items are added from the front up to the first that overfills, which is dropped
    again. Where all items fit, the last one is dropped nevertheless, as published.

    Args:
      knapsack: the instance.
      bits: int [P, n], 1 for a packed item.

    Returns:
      int32 [P, n].
    """
    weights = jnp.asarray(knapsack.weights)[None, :]
    chex.assert_shape(bits, (None, weights.shape[1]))
    item = jnp.arange(weights.shape[1])[None, :]
    heavy = _weight_from(bits * weights) > knapsack.capacity
    dropped = jnp.sum(heavy, axis=1, keepdims=True)
    kept = jnp.where(item < dropped, 0, bits)
    # Weight once all items up to this one are packed and the later ones are as kept.
    later = _weight_from(kept * weights) - kept * weights
    filled = jnp.cumsum(weights, axis=1) + later
    overfills = filled > knapsack.capacity
    last = jnp.where(
        jnp.any(overfills, axis=1, keepdims=True),
        jnp.argmax(overfills, axis=1, keepdims=True),
        weights.shape[1] - 1,
    )
    packed = jnp.where(item < last, 1, jnp.where(item == last, 0, kept))
    return packed.astype(jnp.int32)


def _weight_from(weights: Array) -> Array:
    """Sum of each item's weight and those after it, [P, n]."""
    return jnp.cumsum(weights[:, ::-1], axis=1)[:, ::-1]


def bits_knapsack_evaluator(knapsack: Knapsack) -> Evaluator:
    """Makes the evaluator of archs int32 [P, n]: two ops a layer, one layer an item."""

    def evaluate(key: Array, archs: Array) -> tuple[Array, Array]:
        del key
        bits = repair(knapsack, archs)
        return bits, knapsack_value(knapsack, bits)

    return evaluate


def pairs_knapsack_evaluator(knapsack: Knapsack) -> Evaluator:
    """Makes the evaluator of archs int32 [P, n / 2]: one layer for two items.

    An op stands for two items, `2 * first + second`.

    Args:
      knapsack: an instance with an even number of items.

    Returns:
      The evaluator.

    Raises:
      ValueError: an odd number of items.
    """
    if len(knapsack.weights) % 2:
        raise ValueError(
            f"knapsack: got {len(knapsack.weights)} items, expected an even number to "
            "pair; use one layer an item"
        )

    def evaluate(key: Array, archs: Array) -> tuple[Array, Array]:
        del key
        bits = jnp.stack([archs >> 1, archs & 1], axis=-1).reshape(len(archs), -1)
        bits = repair(knapsack, bits)
        return 2 * bits[:, ::2] + bits[:, 1::2], knapsack_value(knapsack, bits)

    return evaluate
