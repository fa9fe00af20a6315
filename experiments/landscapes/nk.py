"""NK landscapes with known optimum: ruggedness as a parameter.

Each of N layers adds a value that depends on its own op and on those of K other layers;
the values are drawn once, uniform in [0, 1), for each combination. K = 0 is separable,
K = N - 1 has no structure at all. The other layers are the next K on a ring
("adjacent": the optimum is found by dynamic programming) or K random ones ("random":
NP-hard in general, the optimum is found by trying all archs of a small space).

Source: Kauffman & Weinberger, The NK model of rugged fitness landscapes and its
application to maturation of the immune response, J. Theor. Biol. 141, 1989. Weinberger,
NP completeness of Kauffman's N-k model, Santa Fe Institute 96-02-003, 1996, has the
dynamic programme. Differs from the papers in: any number of ops, and values scaled so
that the best arch has 1 and the worst 0.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.landscapes.additive import Evaluator

NEIGHBOURS = ("adjacent", "random")
MAX_TRIED = 2**20
"""Most archs that are tried, and most sums of a step of the dynamic programme."""


@dataclasses.dataclass(frozen=True, eq=False)
class NKLandscape:
    """Values of each layer's op together with those of its neighbours.

    Attributes:
      inputs: int32 [N, K + 1], the layers that a value depends on, its own first.
      values: float32 [N, A^(K + 1)], by their ops as digits of base A, own op first.
      ops: A, the number of ops of every layer.
    """

    inputs: np.ndarray
    values: np.ndarray
    ops: int

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(A, ..., A)."""
        return (self.ops,) * len(self.inputs)


def nk_landscape(
    num_layers: int,
    num_ops: int,
    seed: int,
    *,
    interactions: int = 2,
    neighbours: str = "adjacent",
) -> NKLandscape:
    """Draws a landscape.

    Args:
      num_layers: N.
      num_ops: A, from 2 on.
      seed: of the values, and of random neighbours.
      interactions: K, 0 to N - 1.
      neighbours: one of `NEIGHBOURS`.

    Returns:
      The landscape, 1 at the optimum and 0 at the worst arch.

    Raises:
      ValueError: an argument out of range, or an optimum that is too costly to find.
    """
    if neighbours not in NEIGHBOURS or not 0 <= interactions < num_layers:
        raise ValueError(
            f"neighbours: got {neighbours!r} and {interactions} interactions, expected "
            f"one of {', '.join(NEIGHBOURS)} and 0 to {num_layers - 1}"
        )
    rng = np.random.default_rng(seed)
    own = np.arange(num_layers)[:, None]
    if neighbours == "adjacent":
        inputs = (own + np.arange(interactions + 1)[None, :]) % num_layers
    else:
        others = [
            rng.permutation(np.delete(np.arange(num_layers), layer))[:interactions]
            for layer in range(num_layers)
        ]
        inputs = np.concatenate([own, np.stack(others)], axis=1)
    values = rng.random((num_layers, num_ops ** (interactions + 1)))
    return _scaled(NKLandscape(inputs.astype(np.int32), values, num_ops))


def nk_evaluator(landscape: NKLandscape) -> Evaluator:
    """Makes the evaluator of one landscape, scores float32 [P] in [0, 1]."""

    def evaluate(key: Array, archs: Array) -> tuple[Array, Array]:
        del key
        place = jnp.zeros_like(archs)
        for column in landscape.inputs.T:
            place = place * landscape.ops + archs[:, column]
        layer = jnp.arange(len(landscape.inputs))[None, :]
        return archs, jnp.sum(jnp.asarray(landscape.values)[layer, place], axis=1)

    return evaluate


def find_nk_optimum(landscape: NKLandscape) -> tuple[np.ndarray, float]:
    """Finds the best arch, whatever the landscape looks like.

    Args:
      landscape: the landscape.

    Returns:
      int [N], and its score.

    Raises:
      ValueError: it is too costly.
    """
    num_layers, width = landscape.inputs.shape
    ring = (np.arange(num_layers)[:, None] + np.arange(width)[None, :]) % num_layers
    if np.array_equal(landscape.inputs, ring):
        return _best_on_ring(landscape)
    return _best_of_all(landscape)


def _best_of_all(landscape: NKLandscape) -> tuple[np.ndarray, float]:
    size = landscape.ops ** len(landscape.inputs)
    _check_cost(size, "archs", "fewer layers or adjacent neighbours")
    digits = np.unravel_index(np.arange(size), landscape.num_ops)
    total = np.zeros(size)
    for inputs, values in zip(landscape.inputs, landscape.values, strict=True):
        place = np.zeros(size, np.int64)
        for layer in inputs:
            place = place * landscape.ops + digits[layer]
        total += values[place]
    best = int(total.argmax())
    return np.array([digit[best] for digit in digits]), float(total[best])


def _best_on_ring(landscape: NKLandscape) -> tuple[np.ndarray, float]:
    """Dynamic programming over windows of K ops, for each choice of the first window.

    With w = (x_i, ..., x_{i+K-1}) the last window, total[f, w] is the best sum of the
    values of layers 0 to i - 1 with first window f; the value of layer i is added, and
    the best x_i is kept.
    """
    ops, (num_layers, width) = landscape.ops, landscape.inputs.shape
    windows = ops ** (width - 1)
    _check_cost(windows * windows * ops, "sums", "fewer interactions")
    if width == 1:
        return landscape.values.argmax(axis=1), float(landscape.values.max(1).sum())
    values = landscape.values.astype(np.float64).reshape(num_layers, ops, -1, ops)
    total = np.where(np.eye(windows, dtype=bool), 0.0, -np.inf)
    choices = []
    for value in values[: num_layers - width + 1]:
        sums = total.reshape(windows, ops, -1, 1) + value[None]
        choices.append(sums.argmax(axis=1).reshape(windows, windows))
        total = sums.max(axis=1).reshape(windows, windows)
    total = total + _closing_sums(landscape)
    first, last = np.unravel_index(total.argmax(), total.shape)
    arch = _digits(np.array(last), ops, width - 1).tolist()
    window = int(last)
    for choice in reversed(choices):
        op = int(choice[first, window])
        arch.insert(0, op)
        window = op * ops ** (width - 2) + window // ops
    return np.array(arch), float(total[first, last])


def _closing_sums(landscape: NKLandscape) -> np.ndarray:
    """Values of the last K layers, by the first and the last window."""
    ops, width = landscape.ops, landscape.inputs.shape[1]
    windows = _digits(np.arange(ops ** (width - 1)), ops, width - 1)
    total = np.zeros((len(windows), len(windows)))
    for start, values in enumerate(landscape.values[1 - width :]):
        place = np.zeros(total.shape, np.int64)
        for digit in windows[:, start:].T:
            place = place * ops + digit[None, :]
        for digit in windows[:, : start + 1].T:
            place = place * ops + digit[:, None]
        total += values[place]
    return total


def _digits(numbers: np.ndarray, base: int, count: int) -> np.ndarray:
    """Digits of numbers, the most significant first, [..., count]."""
    return numbers[..., None] // base ** np.arange(count)[::-1] % base


def _check_cost(cost: int, what: str, advice: str) -> None:
    if cost > MAX_TRIED:
        raise ValueError(
            f"NK landscape: got {cost} {what} to find the optimum, expected at most "
            f"{MAX_TRIED}; use {advice}"
        )


def _scaled(landscape: NKLandscape) -> NKLandscape:
    """Moves and scales the values so that the best arch has 1, the worst 0."""
    _, best = find_nk_optimum(landscape)
    negated = dataclasses.replace(landscape, values=-landscape.values)
    worst = -find_nk_optimum(negated)[1]
    values = (landscape.values - worst / len(landscape.inputs)) / (best - worst)
    return dataclasses.replace(landscape, values=values.astype(np.float32))
