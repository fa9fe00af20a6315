"""Formula landscapes on a chain of layers, with known optimum.

A score adds up over the layers and over pairs of neighbours, so that the optimum is
found exactly by dynamic programming (Viterbi), however rugged the landscape is. All are
scaled: 1 at the optimum, 0 at the worst arch.

Source of the traps: Deb & Goldberg, Analyzing deception in trap functions, FOGA 1993.
"""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.landscapes.additive import Evaluator


@dataclasses.dataclass(frozen=True, eq=False)
class ChainLandscape:
    """Scores of ops and of neighbouring ops.

    Attributes:
      layers: float32 [L, K], what each op adds.
      pairs: float32 [L - 1, K, K], what the ops of layers l and l + 1 add together.
    """

    layers: np.ndarray
    pairs: np.ndarray

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(K, ..., K)."""
        return (self.layers.shape[1],) * self.layers.shape[0]


def chain_score(layers: Array, pairs: Array, archs: Array) -> Array:
    """Scores of archs.

    Args:
      layers: [L, K], see `ChainLandscape`.
      pairs: [L - 1, K, K].
      archs: int32 [P, L].

    Returns:
      float32 [P].
    """
    layer = jnp.arange(layers.shape[0])[None, :]
    alone = jnp.sum(layers[layer, archs], axis=1)
    return alone + jnp.sum(pairs[layer[:, 1:] - 1, archs[:, :-1], archs[:, 1:]], axis=1)


def chain_evaluator(landscape: ChainLandscape) -> Evaluator:
    """Makes the evaluator of one landscape."""

    def evaluate(key: Array, archs: Array) -> tuple[Array, Array]:
        del key
        layers, pairs = jnp.asarray(landscape.layers), jnp.asarray(landscape.pairs)
        return archs, chain_score(layers, pairs, archs)

    return evaluate


def find_optimum(landscape: ChainLandscape) -> tuple[np.ndarray, float]:
    """Finds the best arch by dynamic programming.

    Args:
      landscape: the landscape.

    Returns:
      int [L], the lexicographically first best arch, and its score.
    """
    layers = landscape.layers.astype(np.float64)
    tail = layers[-1]  # Best sum of the layers from l on, by the op of l.
    choices = []
    for alone, pair in zip(layers[-2::-1], landscape.pairs[::-1], strict=True):
        sums = pair + tail[None, :]
        choices.append(sums.argmax(axis=1))
        tail = alone + sums.max(axis=1)
    arch = [int(tail.argmax())]
    for choice in reversed(choices):
        arch.append(int(choice[arch[-1]]))
    return np.array(arch), float(tail.max())


def separable(num_layers: int, num_ops: int, seed: int) -> ChainLandscape:
    """Every op has a value of its own, uniform in [0, 1) before scaling."""
    values = np.random.default_rng(seed).random((num_layers, num_ops))
    return _scaled(values, np.zeros((num_layers - 1, num_ops, num_ops)))


def coupled(num_layers: int, num_ops: int, seed: int) -> ChainLandscape:
    """Normal values of neighbouring pairs, centred so that no op is better alone."""
    values = np.random.default_rng(seed).normal(size=(num_layers - 1, num_ops, num_ops))
    values -= values.mean(axis=1, keepdims=True)
    values -= values.mean(axis=2, keepdims=True)
    return _scaled(np.zeros((num_layers, num_ops)), values)


def matched(num_layers: int, num_ops: int, seed: int) -> ChainLandscape:
    """Share of the neighbours that match under a random permutation for each pair.

    There are K optima, one for each op of the first layer.
    """
    rng = np.random.default_rng(seed)
    pairs = [np.eye(num_ops)[rng.permutation(num_ops)] for _ in range(num_layers - 1)]
    return _scaled(np.zeros((num_layers, num_ops)), np.stack(pairs))


def layer_trap(num_layers: int, num_ops: int) -> ChainLandscape:
    """A trap on the bits of each op: the last op is best, the others lead to op 0.

    Raises:
      ValueError: K is not a power of two.
    """
    ones = _ones(num_ops)
    values = np.tile(_trap(ones, ones[-1])[None], (num_layers, 1))
    return _scaled(values, np.zeros((num_layers - 1, num_ops, num_ops)))


def pair_trap(num_layers: int, num_ops: int) -> ChainLandscape:
    """A trap on the bits of layers (0, 1), another of (2, 3) and so on.

    Args:
      num_layers: L, even.
      num_ops: K, a power of two.

    Raises:
      ValueError: L is odd or K is not a power of two.
    """
    if num_layers % 2:
        raise ValueError(
            f"num_layers: got {num_layers}, expected an even number to pair"
        )
    ones = _ones(num_ops)
    pairs = np.zeros((num_layers - 1, num_ops, num_ops))
    pairs[::2] = _trap(ones[:, None] + ones[None, :], 2 * ones[-1])[None]
    return _scaled(np.zeros((num_layers, num_ops)), pairs)


LANDSCAPES: dict[str, Callable[[int, int, int], ChainLandscape]] = {
    "separable": separable,
    "coupled": coupled,
    "matched": matched,
    "layer_trap": lambda num_layers, num_ops, seed: layer_trap(num_layers, num_ops),
    "pair_trap": lambda num_layers, num_ops, seed: pair_trap(num_layers, num_ops),
}
"""Landscapes by name: `make(num_layers, num_ops, seed)`; the traps have no seed."""


def _ones(num_ops: int) -> np.ndarray:
    """Number of ones in each code."""
    if num_ops < 2 or num_ops & (num_ops - 1):
        raise ValueError(f"num_ops: got {num_ops}, expected a power of two from 2 on")
    return np.array([code.bit_count() for code in range(num_ops)])


def _trap(ones: np.ndarray, num_bits: int) -> np.ndarray:
    """num_bits at all ones; otherwise the higher the fewer ones there are."""
    return np.where(ones == num_bits, num_bits, num_bits - 1 - ones).astype(np.float64)


def _scaled(layers: np.ndarray, pairs: np.ndarray) -> ChainLandscape:
    """Moves and scales the scores so that the best arch has 1, the worst 0."""
    _, best = find_optimum(ChainLandscape(layers, pairs))
    _, negated = find_optimum(ChainLandscape(-layers, -pairs))
    span = best + negated
    offset = negated / layers.shape[0]
    return ChainLandscape(
        ((layers + offset) / span).astype(np.float32),
        (pairs / span).astype(np.float32),
    )
