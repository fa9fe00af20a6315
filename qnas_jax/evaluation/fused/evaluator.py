"""The fused score: a supernet's loss and training-free terms, by their ranks.

    fused(arch) = sum over the features of weight * z(value of arch)

A feature is the supernet's loss (its negative: larger is better), the main effects of
the ops on it (`op_effects.py`) or a training-free term, and z its normal score in a
reference sample of architectures that are evaluated once, before the search
(`normal_scores.py`). Weights come from the configuration, or are learnt from a few
trained networks (`calibration.py`).

So the score
- does not depend on what else is in a population,
- is monotone in every feature, strictly where the feature varies and has a weight,
- is -inf where a feature with a weight is not finite: cells through which nothing
  passes come last, as failed evaluations do,
- takes nothing from a feature that is the same for the whole sample.

The supernet's errors and those of a term have little to do with each other, so their
sum ranks better than either: on NAS-Bench-201 published scores of a supernet and of
synflow reach Kendall's tau 0.69 and 0.58, their rank sum 0.81. Weights and reference
never see a benchmark's truth.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.evaluation.evaluator import ONE_FIDELITY, Compiled, Evaluated, ScoreOf
from qnas_jax.evaluation.fused.normal_scores import NormalScores
from qnas_jax.evaluation.fused.op_effects import OpEffects
from qnas_jax.evaluation.fused.terms import TermEvaluator
from qnas_jax.status import Status

Values = Mapping[str, Any]
"""By the name of a feature float32 [P], as they are measured: a loss is positive."""


EFFECTS = "effects"
"""The feature that follows from the ops of an architecture alone."""


def oriented(name: str, values: Any) -> Any:
    """A feature's values [...] such that larger is better: only the loss is turned."""
    return -values if name == "loss" else values


@dataclasses.dataclass(frozen=True, eq=False)
class FusedScore:
    """Features of an architecture -> its score.

    Attributes:
      normal_scores: of each feature, by name.
      weights: >= 0, by name; a feature without one has none.
      effects: main effects of the ops on the loss; None where they are no feature.
    """

    normal_scores: Mapping[str, NormalScores]
    weights: Mapping[str, float]
    effects: OpEffects | None = None

    @classmethod
    def of(
        cls,
        reference: Values,
        weights: Mapping[str, float],
        effects: OpEffects | None = None,
    ) -> "FusedScore":
        """Ranks against a reference sample.

        Args:
          reference: features of the sample, float [R].
          weights: by name, of features that the sample has.
          effects: what gives the feature of that name, if the sample has it.

        Returns:
          The score.
        """
        found = {
            name: NormalScores.of(oriented(name, np.asarray(values)))
            for name, values in reference.items()
        }
        return cls(found, dict(weights), effects)

    @classmethod
    def with_effects(
        cls,
        sample: np.ndarray,
        num_ops: Sequence[int],
        measured: Values,
        weights: Mapping[str, float],
    ) -> "FusedScore":
        """The same, with main effects of the ops on the sample's losses.

        Args:
          sample: int [R, L], the architectures of the sample.
          num_ops: (K_1, ..., K_L).
          measured: features of the sample but `effects`, float [R], with the loss.
          weights: by name, of these features and `effects`.

        Returns:
          The score.
        """
        losses = oriented("loss", np.asarray(measured["loss"]))
        normal = np.asarray(NormalScores.of(losses)(losses))
        effects = OpEffects.of(sample, num_ops, normal)
        reference = {**measured, EFFECTS: np.asarray(effects(sample))}
        return cls.of(reference, weights, effects)

    def features(self, archs: Any, measured: Values) -> dict[str, Any]:
        """All features of archs int32 [P, L], from what is measured of them."""
        if self.effects is None:
            return dict(measured)
        return {**measured, EFFECTS: self.effects(archs)}

    def normal_score(self, name: str, values: Any) -> jax.Array:
        """The normal score of one feature, float32 [P]; larger is better."""
        return self.normal_scores[name](oriented(name, jnp.asarray(values)))

    def __call__(self, features: Values) -> jax.Array:
        """The weighted sum.

        Args:
          features: see `features`; at least those with a weight, float32 [P].

        Returns:
          float32 [P]; -inf where one of them is not finite.
        """
        return sum(
            (
                weight * self.normal_score(name, features[name])
                for name, weight in self.weights.items()
                if weight > 0
            ),
            start=jnp.zeros(()),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class FusedEvaluator(Compiled):
    """Subnets by all that is known of them at once.

    Metrics are those of the task (accuracy, loss), each term by its name, `effects` and
    `fused`.

    Attributes:
      terms: what measures them.
      fused: what adds them up.
    """

    terms: TermEvaluator
    fused: FusedScore

    score = ScoreOf("fused", larger_is_better=True)

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Only one."""
        return ONE_FIDELITY

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; OK where `fused` is finite."""
        evaluated = self.terms(key, archs, fidelities)
        features = self.fused.features(archs, evaluated.metrics)
        fused = self.fused(features)
        known = jnp.isfinite(fused)
        return Evaluated(
            {**features, "fused": fused},
            jnp.where(known, int(Status.OK), int(Status.NON_FINITE)),
        )
