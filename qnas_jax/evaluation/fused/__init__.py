"""A supernet's loss and training-free terms as one score, by their ranks."""

from qnas_jax.evaluation.fused.calibration import Calibration, calibrate
from qnas_jax.evaluation.fused.evaluator import FusedEvaluator, FusedScore
from qnas_jax.evaluation.fused.normal_scores import NormalScores
from qnas_jax.evaluation.fused.options import FusedOptions
from qnas_jax.evaluation.fused.reference import draw_reference, spread
from qnas_jax.evaluation.fused.terms import TermEvaluator, make_terms

__all__ = [
    "Calibration",
    "FusedEvaluator",
    "FusedOptions",
    "FusedScore",
    "NormalScores",
    "TermEvaluator",
    "calibrate",
    "draw_reference",
    "make_terms",
    "spread",
]
