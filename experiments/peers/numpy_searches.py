"""Many Q-bit searches at once in NumPy: arrays over searches and population.

The rule of `numpy_search.py`, written for speed: float32, Q-bit by Q-bit in the first
axis, weights of codes from shared products, guides moved by groups of equal size. This
is what many searches in one compiled program have to be compared with.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from experiments.peers.numpy_search import NumpySearch


@dataclasses.dataclass(frozen=True, eq=False)
class NumpySearches:
    """Searches on a table.

    Attributes:
      rule: the table and the numbers of the rule; its `groups` divide the population.
      population: P.
    """

    rule: NumpySearch
    population: int

    def __post_init__(self) -> None:
        if self.population % self.rule.groups:
            raise ValueError(
                f"population: got {self.population} in {self.rule.groups} groups, "
                "expected groups of equal size"
            )

    def run(self, searches: int, generations: int, seed: int) -> np.ndarray:
        """Runs searches with random numbers of their own; see `best_scores`."""
        rng = np.random.default_rng(seed)
        shape = (searches, self.population, self.rule.num_layers)
        return self._best(
            searches, generations, lambda _: rng.random(shape, dtype=np.float32)
        )

    def best_scores(self, uniforms: np.ndarray) -> np.ndarray:
        """Runs searches with given random numbers.

        Args:
          uniforms: [S, G, P, L] in [0, 1).

        Returns:
          [S, G], the best scores so far.
        """
        drawn = uniforms.astype(np.float32)
        searches, generations = drawn.shape[:2]
        return self._best(
            searches, generations, lambda generation: drawn[:, generation]
        )

    def _best(
        self, searches: int, generations: int, draw: Callable[[int], np.ndarray]
    ) -> np.ndarray:
        rule = self.rule
        shape = (searches, self.population, rule.num_layers)
        width = (rule.num_ops - 1).bit_length()
        low = np.float32(np.arcsin(np.sqrt(rule.epsilon)))
        high = np.float32(np.pi / 2) - low
        angles = np.full((width, *shape), np.pi / 4, np.float32)
        guides = np.zeros(shape, np.int8)
        guide_scores = np.full(shape[:2], -np.inf, np.float32)
        table = rule.scores.astype(np.float32)
        places = (rule.num_ops ** np.arange(rule.num_layers)[::-1]).astype(np.int32)
        best = np.full((searches, generations), -np.inf, np.float32)
        for generation in range(generations):
            archs = self._observe(angles, draw(generation))
            scores = table[archs @ places]
            if generation:
                worse = (scores < guide_scores)[..., None]
                for place, plane in enumerate(angles):
                    shift = width - 1 - place
                    turn = ((guides >> shift) & 1) - ((archs >> shift) & 1)
                    turn *= worse
                    plane += np.float32(rule.angle) * turn
                np.clip(angles, low, high, out=angles)
            better = scores > guide_scores
            guides[better] = archs[better]
            guide_scores = np.maximum(guide_scores, scores)
            guides, guide_scores = _migrate(guides, guide_scores, rule.groups)
            if (generation + 1) % rule.global_every == 0:
                guides, guide_scores = _migrate(guides, guide_scores, 1)
            best[:, generation] = scores.max(axis=1)
        return np.maximum.accumulate(best, axis=1)

    def _observe(self, angles: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """Archs int8 [S, P, L]."""
        one = np.sin(angles)
        one *= one
        values = (1 - one, one)
        width = len(angles)
        # By the leading bits of a code, of those that some op has.
        weights = {0: np.ones((), np.float32)}
        for place in range(width):
            weights = {
                2 * code + bit: weight * values[bit][place]
                for code, weight in weights.items()
                for bit in (0, 1)
                if (2 * code + bit) << (width - 1 - place) < self.rule.num_ops
            }
        cumulative = list(weights.values())
        for before, after in zip(cumulative[:-1], cumulative[1:], strict=True):
            after += before
        limit = uniforms * cumulative[-1]
        archs = np.zeros(limit.shape, np.int8)
        for part in cumulative[:-1]:
            archs += part <= limit
        return archs


def _migrate(
    guides: np.ndarray, scores: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gives every member of a group the best guide of the group."""
    searches, population, layers = guides.shape
    grouped = scores.reshape(searches, groups, -1)
    winner = grouped.argmax(axis=2)[..., None]
    members = guides.reshape(searches, groups, -1, layers)
    best = np.take_along_axis(members, winner[..., None], axis=2)
    best_scores = np.take_along_axis(grouped, winner, axis=2)
    size = population // groups
    return (
        np.repeat(best, size, axis=2).reshape(guides.shape),
        np.repeat(best_scores, size, axis=2).reshape(scores.shape),
    )
