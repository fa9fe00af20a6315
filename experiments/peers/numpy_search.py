"""The Q-bit search written plainly in NumPy, to time and to check the compiled one.

The same rule as `searching/registers/qbit.py` (Han & Kim 2002; H-epsilon gate and
migration 2004) with its own code. It takes its random numbers as an argument, so that
it can be given those of the compiled search and must then propose the same archs.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class NumpySearch:
    """A search on a table.

    Attributes:
      scores: [N] scores by position, the first layer the most significant digit.
      num_ops: K, the same for all layers.
      num_layers: L.
      angle: radians of a rotation.
      epsilon: least probability of either value of a Q-bit.
      groups: groups of the local migration, every generation.
      global_every: generations between global migrations.
    """

    scores: np.ndarray
    num_ops: int
    num_layers: int
    angle: float
    epsilon: float
    groups: int
    global_every: int

    def best_scores(self, uniforms: np.ndarray, *, whole: bool) -> np.ndarray:
        """Runs a search.

        Args:
          uniforms: [G, P, L] in [0, 1), one for each op that is drawn.
          whole: whether a generation is computed in arrays over the population, or
            one individual after the other.

        Returns:
          [G], the best score so far.
        """
        generations, population, layers = uniforms.shape
        width = (self.num_ops - 1).bit_length()
        codes = np.arange(self.num_ops)[:, None] >> np.arange(width)[::-1] & 1
        angles = np.full((population, layers, width), np.pi / 4)
        guides = np.zeros((population, layers), int)
        guide_scores = np.full(population, -np.inf)
        best = np.zeros(generations)
        parts = [slice(None)] if whole else [slice(i, i + 1) for i in range(population)]
        for generation in range(generations):
            archs = np.zeros_like(guides)
            scores = np.zeros(population)
            for part in parts:
                archs[part] = self._observe(
                    angles[part], codes, uniforms[generation, part]
                )
                scores[part] = self._score(archs[part])
                angles[part] = self._rotate(
                    angles[part],
                    codes[archs[part]],
                    codes[guides[part]],
                    scores[part],
                    guide_scores[part],
                )
                better = scores[part] > guide_scores[part]
                guides[part] = np.where(better[:, None], archs[part], guides[part])
                guide_scores[part] = np.where(better, scores[part], guide_scores[part])
            best[generation] = max(best[generation - 1], scores.max())
            self._migrate(guides, guide_scores, generation + 1)
        return best

    def _observe(
        self, angles: np.ndarray, codes: np.ndarray, uniforms: np.ndarray
    ) -> np.ndarray:
        one = np.sin(angles)[:, :, None, :] ** 2
        table = np.where(codes == 1, one, 1 - one).prod(axis=-1)  # [P, L, K]
        cumulative = table.cumsum(axis=-1)
        return (cumulative <= uniforms[..., None] * cumulative[..., -1:]).sum(axis=-1)

    def _score(self, archs: np.ndarray) -> np.ndarray:
        places = self.num_ops ** np.arange(self.num_layers)[::-1]
        return self.scores[archs @ places]

    def _rotate(
        self,
        angles: np.ndarray,
        own: np.ndarray,
        guide: np.ndarray,
        scores: np.ndarray,
        guide_scores: np.ndarray,
    ) -> np.ndarray:
        worse = (scores < guide_scores)[:, None, None]
        turn = np.where(worse, self.angle * (guide - own), 0.0)
        low = np.arcsin(np.sqrt(self.epsilon))
        turned = np.clip(angles + turn, low, np.pi / 2 - low)
        return np.where(np.isfinite(guide_scores)[:, None, None], turned, angles)

    def _migrate(self, guides: np.ndarray, scores: np.ndarray, generation: int) -> None:
        members = [np.arange(len(scores)) * self.groups // len(scores)]
        if generation % self.global_every == 0:
            members.append(np.zeros(len(scores), int))
        for group in members:
            for name in np.unique(group):
                inside = np.flatnonzero(group == name)
                winner = inside[np.argmax(scores[inside])]
                guides[inside], scores[inside] = guides[winner], scores[winner]
