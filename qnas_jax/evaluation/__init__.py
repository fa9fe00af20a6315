"""Evaluators behind one protocol, the memo of evaluations, and rankings."""

from qnas_jax.evaluation.at_once import AtOnce
from qnas_jax.evaluation.evaluation import Evaluation
from qnas_jax.evaluation.evaluator import (
    ONE_FIDELITY,
    Compiled,
    Evaluated,
    Evaluator,
    ScoredBy,
    ScoreOf,
    finite_status,
    scores_of,
)
from qnas_jax.evaluation.known import KnownEvaluations
from qnas_jax.evaluation.measuring import (
    Metrics,
    measure,
    measure_many,
    measure_on_devices,
)
from qnas_jax.evaluation.memo import MemoisedEvaluator
from qnas_jax.evaluation.ranking import (
    COST_TERMS,
    RankingMeasures,
    RankOptions,
    rank_agreement,
    rank_all,
    ranking_measures,
)
from qnas_jax.evaluation.registry import (
    EVALUATORS,
    EvaluatorOptions,
    make_evaluator,
)
from qnas_jax.evaluation.scoring import (
    STATISTICS,
    ScorePopulation,
    ScoringOptions,
    Weights,
    make_population_scorer,
)
from qnas_jax.evaluation.spec import EvaluatorSpec, Networks, Parts
from qnas_jax.evaluation.supernet import SupernetEvaluator, supernet_evaluator
from qnas_jax.evaluation.truths import TRUTHS, read_own_truth

__all__ = [
    "EVALUATORS",
    "ONE_FIDELITY",
    "AtOnce",
    "COST_TERMS",
    "Compiled",
    "STATISTICS",
    "TRUTHS",
    "Evaluated",
    "Evaluation",
    "Evaluator",
    "EvaluatorOptions",
    "EvaluatorSpec",
    "KnownEvaluations",
    "MemoisedEvaluator",
    "Metrics",
    "Networks",
    "Parts",
    "RankOptions",
    "RankingMeasures",
    "ScoreOf",
    "ScorePopulation",
    "ScoredBy",
    "ScoringOptions",
    "SupernetEvaluator",
    "Weights",
    "finite_status",
    "make_evaluator",
    "make_population_scorer",
    "measure",
    "measure_many",
    "measure_on_devices",
    "rank_agreement",
    "rank_all",
    "ranking_measures",
    "read_own_truth",
    "scores_of",
    "supernet_evaluator",
]
