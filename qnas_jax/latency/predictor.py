"""Latency of architectures on a device, learnt from measurements of some of them.

Features of an architecture are the op of each layer, how often each op appears in any
layer, and where it is asked for the pairs of ops; `regression.py` finds from the
samples which of these matter. Without pairs the result is a sum over layers, hence a
table of ops, as a budget wants it.

With few samples, other devices help: what their predictors say of an architecture is a
feature too, so that only the differences between devices need be learnt (the idea of
Lee et al., HELP, NeurIPS 2021, with regression in place of meta-learning).

Measured on 27 devices by `experiments/comparisons/latency_predictors.py`, which also
sets boosted trees and ridge regression beside it.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.latency.regression import Regression, regress
from qnas_jax.spaces import CostTable, SearchSpace, check_archs

LATENCY = "latency_ms"
"""The name of this cost, in milliseconds."""


@dataclasses.dataclass(frozen=True, eq=False)
class LatencyPredictor:
    """What was learnt of a device.

    Attributes:
      space: whose architectures it knows.
      references: predictors of other devices that it builds on.
      pairs: whether pairs of ops count.
      regression: from features to milliseconds.
    """

    space: SearchSpace
    references: tuple["LatencyPredictor", ...]
    pairs: bool
    regression: Regression

    def __call__(self, archs: Any) -> np.ndarray:
        """Predicts latencies.

        Args:
          archs: integers [P, L].

        Returns:
          Milliseconds, float64 [P].

        Raises:
          UserError: they are none of the space.
        """
        if self.additive:
            return self.table.cost(check_archs(self.space, archs))[LATENCY]
        return self._by_features(archs)

    @property
    def additive(self) -> bool:
        """Whether latencies are sums over the layers."""
        return not self.pairs and all(each.additive for each in self.references)

    @functools.cached_property
    def table(self) -> CostTable:
        """The same as a table of ops.

        Of each layer the fastest op stands at 0; what it takes is in the fixed part.

        Raises:
          UserError: it counts pairs of ops, so it is no sum over layers.
        """
        if not self.additive:
            raise UserError(
                "pairs: got a predictor that counts pairs of ops, expected one "
                "without: a table is a sum over layers"
            )
        space = self.space
        first = np.zeros(space.num_layers, np.int32)
        (base,) = self._by_features(first[None])
        total = base
        table = np.zeros((space.num_layers, space.max_ops))
        for layer, count in enumerate(space.num_ops):
            archs = np.tile(first, (count, 1))
            archs[:, layer] = np.arange(count)
            effects = self._by_features(archs) - base
            table[layer, :count] = effects - effects.min()
            total += effects.min()
        return CostTable({LATENCY: table}, {LATENCY: float(total)}, space.num_ops)

    @functools.cached_property
    def spread(self) -> float:
        """Standard deviation over the space in milliseconds, from 512 random archs."""
        rng = np.random.default_rng(0)
        shape = (512, self.space.num_layers)
        return float(self(rng.integers(0, self.space.num_ops, shape)).std()) or 1.0

    def _by_features(self, archs: Any) -> np.ndarray:
        groups = _features(self.space, archs, self.references, self.pairs)
        return self.regression(np.concatenate(groups, axis=1))


def learn_latency(
    space: SearchSpace,
    archs: Any,
    latency_ms: Any,
    *,
    references: Sequence[LatencyPredictor] = (),
    pairs: bool = False,
    robust: bool = True,
) -> LatencyPredictor:
    """Learns the latency of a space's architectures on one device.

    Args:
      space: the search space; any with names of ops.
      archs: what was measured, integers [N, L].
      latency_ms: milliseconds, float [N].
      references: predictors of other devices for the same space; worth most below about
        200 samples.
      pairs: whether pairs of ops count, for spaces whose ops act on each other's time;
        L (L - 1) / 2 * K * K more features.
      robust: whether some measurements may be far off.

    Returns:
      The predictor.

    Raises:
      UserError: the samples are not of the space, not finite, or fewer than two.
    """
    archs, latency_ms = check_archs(space, archs), np.asarray(latency_ms, float)
    if latency_ms.shape != archs.shape[:1]:
        raise UserError(
            f"latency_ms: got shape {latency_ms.shape} for archs of {archs.shape}, "
            "expected one number an architecture"
        )
    references = tuple(references)
    groups = _features(space, archs, references, pairs)
    return LatencyPredictor(
        space, references, pairs, regress(groups, latency_ms, robust=robust)
    )


def _features(
    space: SearchSpace,
    archs: Any,
    references: Sequence[LatencyPredictor],
    pairs: bool,
) -> list[np.ndarray]:
    """Groups of features, float64 [P, D_g] each."""
    archs = check_archs(space, archs)
    layers = [
        np.eye(count)[archs[:, layer]] for layer, count in enumerate(space.num_ops)
    ]
    names = sorted(set(itertools.chain.from_iterable(space.choices)))
    counts = np.zeros((len(archs), len(names)))
    for own, choices in zip(layers, space.choices, strict=True):
        counts[:, [names.index(name) for name in choices]] += own
    groups = [np.concatenate(layers, axis=1), counts]
    if pairs:
        both = [
            np.einsum("na,nb->nab", one, other).reshape(len(archs), -1)
            for one, other in itertools.combinations(layers, 2)
        ]
        groups.append(np.concatenate(both, axis=1))
    if references:
        known = np.stack([each(archs) for each in references], axis=1)
        groups.append(known / [each.spread for each in references])
    return groups
