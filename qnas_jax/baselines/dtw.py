"""The class of the nearest series by dynamic time warping, without a window.

The distance is the least sum of squared differences along a path from both beginnings
to both ends that goes on by a step in one of the series or in both (Sakoe & Chiba 1978,
symmetric without weights); steps of several channels are vectors (Shokoohi-Yekta et
al., "Generalizing DTW to the multi-dimensional case requires an adaptive approach",
Data Min. Knowl. Disc. 31 (2017): the dependent form).

The table D(i, j) = d(i, j) + min(D(i-1, j), D(i, j-1), D(i-1, j-1)) is filled by its
anti-diagonals, whose entries do not need each other, for many pairs at once.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qnas_jax.baselines.classifier import Classifier, Predict
from qnas_jax.baselines.missing import lengths, without_gaps

_PAIRS = 128  # at once: few enough for the caches


def dtw_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared warping distances of all pairs.

    Args:
      first: float32 [M, T, C]. NaN at the end is not part of a series; elsewhere it
        counts as 0.
      second: float32 [N, S, C], likewise.

    Returns:
      float32 [M, N].
    """
    sizes = lengths(first), lengths(second)
    arrays = [jnp.asarray(without_gaps(each)) for each in (first, second)]
    pairs = np.indices((len(first), len(second))).reshape(2, -1)
    count = pairs.shape[1]
    found = np.empty(count, np.float32)
    for start in range(0, count, _PAIRS):
        # The last call is filled up with pairs that it has already.
        places = np.minimum(np.arange(start, start + _PAIRS), count - 1)
        of_first, of_second = pairs[:, places]
        values = _distances(
            arrays[0][of_first],
            arrays[1][of_second],
            sizes[0][of_first],
            sizes[1][of_second],
        )
        found[places] = values
    return found.reshape(len(first), len(second))


@jax.jit
def _distances(
    first: jax.Array, second: jax.Array, first_sizes: jax.Array, second_sizes: jax.Array
) -> jax.Array:
    """Distances [P] of pairs: float32 [P, T, C] and [P, S, C], their lengths [P]."""
    rows = jnp.transpose(first, (1, 2, 0))
    num_rows, _, pairs = rows.shape
    # Row i of a diagonal meets column k - i: a window of the columns, last one first.
    columns = jnp.transpose(second[:, ::-1], (1, 2, 0))
    num_columns = len(columns)
    border = num_rows - 1
    columns = jnp.pad(columns, ((border, border), (0, 0), (0, 0)))
    ends = first_sizes + second_sizes - 2
    outside = jnp.full((num_rows + 1, pairs), jnp.inf)

    def advance(
        carry: tuple[jax.Array, jax.Array, jax.Array], number: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array, jax.Array], None]:
        """From two diagonals to the next; entry i + 1 of one is row i of the table.

        What lies beyond the last column is wrong, and nothing within depends on it.
        """
        last, before, found = carry
        start = num_rows + num_columns - 2 - number
        window = lax.dynamic_slice_in_dim(columns, start, num_rows)
        costs = jnp.sum((rows - window) ** 2, axis=1)
        best = jnp.minimum(jnp.minimum(last[:-1], last[1:]), before[:-1])
        new = jnp.pad(costs + best, ((1, 0), (0, 0)), constant_values=jnp.inf)
        here = jnp.take_along_axis(new, first_sizes[None], axis=0)[0]
        return (new, last, jnp.where(number == ends, here, found)), None

    before = outside.at[0].set(0.0)  # a path begins before both series
    carry = (outside, before, jnp.zeros(pairs))
    numbers = jnp.arange(num_rows + num_columns - 1)
    (_, _, found), _ = lax.scan(advance, carry, numbers)
    return found


def fit_dtw_1nn(
    series: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Predict:
    """Keeps the series.

    Args:
      series: float32 [N, T, C]; see `dtw_distances` for NaN.
      labels: int [N].
      rng: not used.

    Returns:
      The label of the nearest series, of the first of several that are equally near.
    """
    del rng

    def predict(others: np.ndarray) -> np.ndarray:
        return labels[np.argmin(dtw_distances(others, series), axis=1)]

    return predict


DTW_1NN = Classifier(fit_dtw_1nn, at_once=16)
