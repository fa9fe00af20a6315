"""What a supernet and untrained networks say of architectures, side by side.

The supernet's metrics are measured as by its own evaluator. The terms are zero-cost
proxies of the networks in the supernet's sizes, and are computed once an architecture,
whoever asks again. (On NAS-Bench-Macro a quarter of the channels at 16 pixels ranks as
the real networks do, and takes a twentieth of the time.)
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.evaluation.evaluator import ONE_FIDELITY, Compiled, Evaluated, ScoreOf
from qnas_jax.evaluation.fused.options import FusedOptions
from qnas_jax.evaluation.proxies.scores import ScoreByProxies, make_proxy_scorer
from qnas_jax.evaluation.spec import Parts
from qnas_jax.evaluation.supernet import SupernetEvaluator
from qnas_jax.nets import build_supernet

_BLOCK = 8  # architectures of a call; they pass one after the other anyway


class TermEvaluator(Compiled):
    """Metrics of subnets and training-free terms; -inf where a term has no answer.

    Attributes:
      score: the loss.
    """

    score = ScoreOf("loss", larger_is_better=False)

    def __init__(
        self,
        subnets: SupernetEvaluator,
        score_archs: ScoreByProxies,
        names: Sequence[str],
    ):
        """Computes nothing yet.

        Args:
          subnets: measures the loss, among others.
          score_archs: archs int32 [P, L] -> terms float32 [P] by name.
          names: of the terms.
        """
        self._subnets = subnets
        self._score_archs = score_archs
        self._names = tuple(names)
        self._known: dict[tuple[int, ...], list[float]] = {}

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Only one."""
        return ONE_FIDELITY

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms; larger promises a better network."""
        return self._names

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics and terms of archs int32 [P, L]; the key changes nothing.

        An evaluation is OK where the loss is finite.
        """
        evaluated = self._subnets(key, archs, fidelities)
        if isinstance(archs, jax.core.Tracer):
            terms = self._score_archs(archs)  # what is traced remembers nothing
        else:
            terms = self._remembered(np.asarray(archs, np.int32))
        return evaluated.replace(metrics={**evaluated.metrics, **terms})

    def _remembered(self, archs: np.ndarray) -> dict[str, jax.Array]:
        asked = list(map(tuple, archs.tolist()))
        new = list(dict.fromkeys(arch for arch in asked if arch not in self._known))
        for first in range(0, len(new), _BLOCK):
            block = new[first : first + _BLOCK]
            filled = np.resize(np.asarray(block, np.int32), (_BLOCK, archs.shape[1]))
            found = self._score_archs(filled)
            columns = [np.asarray(found[name]).tolist() for name in self._names]
            rows = map(list, zip(*columns, strict=True))
            self._known.update(zip(block, rows, strict=False))
        values = np.asarray([self._known[arch] for arch in asked], np.float32)
        return {name: jnp.asarray(values[:, at]) for at, name in enumerate(self._names)}


def make_terms(
    options: FusedOptions,
    parts: Parts,
    subnets: SupernetEvaluator,
) -> TermEvaluator:
    """Builds the terms of a run.

    Args:
      options: which terms, and how many images they look at.
      parts: what the supernet is made of; weights and noise come from the stream
        `proxy`.
      subnets: the evaluator of the trained supernet.

    Returns:
      The evaluator.
    """
    reduced = parts.reduced
    train = reduced.dataset.train
    score_archs = make_proxy_scorer(
        build_supernet(reduced.supernet.space),
        options.measured,
        reduced.task.prepare(jnp.asarray(train.inputs[: options.images])),
        jnp.asarray(train.targets[: options.images]),
        parts.key("proxy"),
        devices=parts.devices,
    )
    return TermEvaluator(subnets, score_archs, options.measured)
