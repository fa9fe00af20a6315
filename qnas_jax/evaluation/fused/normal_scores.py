"""Normal scores: what a value would be if a reference sample were normal.

Values of other kinds (a loss in nats, a logarithm of a flow, a number of operations)
are added up by their ranks, as ranks do not depend on units or on single large values.
A search scores architectures one by one, so ranks are taken in a reference sample
instead of in the population: the score of an architecture never depends on its company.

The sample's order statistics v_(1) <= ... <= v_(R) are the knots of a piecewise linear
map to Blom's normal scores, the normal quantiles of (r - 3/8) / (R + 1/4) (Blom,
Statistical estimates and transformed beta-variables, 1958); equal values share their
mean rank. A search finds architectures that are better than any of the sample, and
these must not tie: beyond the ends the map goes on as a line, with the mean slope of
the outer quarter of the sample. (The slope of the last piece would do for the formula,
but is a ratio of two tiny differences: two values that nearly tie would make it a
cliff.)
"""

import dataclasses
import statistics

import jax
import jax.numpy as jnp
import numpy as np

_OUTER = 0.25  # share of the sample whose mean slope goes on beyond an end


@dataclasses.dataclass(frozen=True, eq=False)
class NormalScores:
    """The map of one kind of value; strictly monotone where the sample varies.

    Attributes:
      knots: distinct values of the sample, float32 [m], ascending.
      scores: their normal scores, float32 [m], ascending.
      slopes: below the first and above the last knot, > 0; (0, 0) if m < 2.
    """

    knots: np.ndarray
    scores: np.ndarray
    slopes: tuple[float, float]

    @classmethod
    def of(cls, sample: np.ndarray) -> "NormalScores":
        """Makes the map of a sample.

        Args:
          sample: float [R], larger is better. What is not finite is worse than all
            that is: it takes the lowest ranks, and is no knot.

        Returns:
          The map.
        """
        sample = np.asarray(sample, np.float32)
        finite = np.isfinite(sample)
        knots, counts = np.unique(sample[finite], return_counts=True)
        ranks = (len(sample) - finite.sum()) + np.cumsum(counts) - (counts - 1) / 2
        shares = (ranks - 3 / 8) / (len(sample) + 1 / 4)
        normal = statistics.NormalDist()
        scores = np.asarray([normal.inv_cdf(share) for share in shares], np.float32)
        return cls(knots, scores, _outer_slopes(knots, scores, shares))

    def __call__(self, values: jax.Array | np.ndarray) -> jax.Array:
        """Normal scores of values.

        Args:
          values: float32 [P], larger is better.

        Returns:
          float32 [P]; -inf for what is not finite. 0 for all that is finite if the
          sample had but one finite value, and for everything if it had none: such a
          kind of value says nothing.
        """
        values = jnp.asarray(values, jnp.float32)
        if len(self.knots) == 0:
            return jnp.zeros_like(values)
        if len(self.knots) == 1:
            inside = jnp.zeros_like(values)
        else:
            low, high = self.slopes
            inside = jnp.interp(values, self.knots, self.scores)
            inside += low * jnp.minimum(values - self.knots[0], 0.0)
            inside += high * jnp.maximum(values - self.knots[-1], 0.0)
        return jnp.where(jnp.isfinite(values), inside, -jnp.inf)


def _outer_slopes(
    knots: np.ndarray, scores: np.ndarray, shares: np.ndarray
) -> tuple[float, float]:
    """Mean slopes of the lower and of the upper quarter, of one piece at least."""
    if len(knots) < 2:
        return 0.0, 0.0
    low = max(int(np.searchsorted(shares, _OUTER)), 1)
    high = int(np.searchsorted(shares, 1 - _OUTER, side="right")) - 1
    low, high = min(low, len(knots) - 1), min(max(high, 0), len(knots) - 2)
    x, y = knots.astype(np.float64), scores.astype(np.float64)
    return (
        float((y[low] - y[0]) / (x[low] - x[0])),
        float((y[-1] - y[high]) / (x[-1] - x[high])),
    )
