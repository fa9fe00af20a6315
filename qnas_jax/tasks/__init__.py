"""What networks are trained for and judged by."""

from qnas_jax.tasks.classification import (
    ACCURACY,
    LOG_LOSS,
    balanced_accuracy,
    classification_details,
    classification_metrics,
    confusion,
    macro_f1,
    measure_answers,
    smoothed_cross_entropy,
)
from qnas_jax.tasks.classifying import Classifying
from qnas_jax.tasks.image_classification import ImageClassification, ImageTraining
from qnas_jax.tasks.language_modelling import LanguageModelling, LanguageTraining
from qnas_jax.tasks.next_token import sums_of_windows
from qnas_jax.tasks.registry import TASKS, TaskOptions, make_task
from qnas_jax.tasks.series_classification import SeriesClassification, SeriesTraining
from qnas_jax.tasks.task import Metric, Task, TaskSpec, score_metric
from qnas_jax.tasks.text_classification import TextClassification, TextTraining

__all__ = [
    "ACCURACY",
    "LOG_LOSS",
    "TASKS",
    "Classifying",
    "ImageClassification",
    "ImageTraining",
    "LanguageModelling",
    "LanguageTraining",
    "Metric",
    "SeriesClassification",
    "SeriesTraining",
    "Task",
    "TaskOptions",
    "TaskSpec",
    "TextClassification",
    "TextTraining",
    "balanced_accuracy",
    "classification_details",
    "classification_metrics",
    "confusion",
    "macro_f1",
    "make_task",
    "measure_answers",
    "score_metric",
    "smoothed_cross_entropy",
    "sums_of_windows",
]
