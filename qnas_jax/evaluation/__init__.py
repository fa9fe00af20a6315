"""Population scoring, the memo of evaluations, rankings, and formula landscapes."""

from qnas_jax.evaluation.memo import Evaluation, MemoisedEvaluator
from qnas_jax.evaluation.ranking import TRUTHS, rank_agreement
from qnas_jax.evaluation.scoring import (
    STATISTICS,
    ScorePopulation,
    Scores,
    ScoringOptions,
    Weights,
    accuracy_and_loss,
    make_population_scorer,
)

__all__ = [
    "STATISTICS",
    "TRUTHS",
    "Evaluation",
    "MemoisedEvaluator",
    "ScorePopulation",
    "Scores",
    "ScoringOptions",
    "Weights",
    "accuracy_and_loss",
    "make_population_scorer",
    "rank_agreement",
]
