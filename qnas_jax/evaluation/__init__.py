"""Evaluators behind one protocol, the memo of evaluations, and rankings."""

from qnas_jax.evaluation.evaluator import (
    ONE_FIDELITY,
    Evaluated,
    Evaluator,
    ScoredBy,
    ScoreOf,
    finite_status,
    scores_of,
)
from qnas_jax.evaluation.measuring import Metrics, measure, measure_many
from qnas_jax.evaluation.memo import Evaluation, MemoisedEvaluator
from qnas_jax.evaluation.ranking import TRUTHS, rank_agreement
from qnas_jax.evaluation.scoring import (
    STATISTICS,
    ScorePopulation,
    ScoringOptions,
    Weights,
    make_population_scorer,
)
from qnas_jax.evaluation.supernet import SupernetEvaluator, supernet_evaluator

__all__ = [
    "ONE_FIDELITY",
    "STATISTICS",
    "TRUTHS",
    "Evaluated",
    "Evaluation",
    "Evaluator",
    "MemoisedEvaluator",
    "Metrics",
    "ScoreOf",
    "ScorePopulation",
    "ScoredBy",
    "ScoringOptions",
    "SupernetEvaluator",
    "Weights",
    "finite_status",
    "make_population_scorer",
    "measure",
    "measure_many",
    "rank_agreement",
    "scores_of",
    "supernet_evaluator",
]
