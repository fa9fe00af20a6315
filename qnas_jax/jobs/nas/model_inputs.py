"""What an exported network gets: examples of the data set, which it may resize."""

import numpy as np

from qnas_jax import data
from qnas_jax.evaluation import Networks
from qnas_jax.export import Images, Inputs, RunningText, Series, Text
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.tasks import (
    ImageClassification,
    LanguageModelling,
    SeriesClassification,
    TextClassification,
)


def model_inputs(setting: NasSetting, networks: Networks) -> Inputs:
    """Says it of the networks of a run.

    Args:
      setting: the run.
      networks: those that it trained, perhaps on smaller images.

    Returns:
      What goes in, and what comes out.
    """
    dataset: data.Dataset = setting.dataset
    task = networks.task
    if isinstance(task, TextClassification):
        (words,) = dataset.input_shape
        return Text((words,), dataset.class_names, dataset.words, dataset.name)
    if isinstance(task, LanguageModelling):
        (tokens,) = dataset.input_shape
        kind = setting.config.data.tokens
        return RunningText((tokens,), dataset.words, kind, dataset.name)
    if isinstance(task, SeriesClassification):
        length, channels = dataset.input_shape
        return Series(
            (length, channels),
            *_statistics(task),
            dataset.class_names,
            task.masked,
            dataset.name,
        )
    assert isinstance(task, ImageClassification)
    height, width, channels = dataset.input_shape
    inside = task.input_shape[:2]
    return Images(
        (height, width, channels),
        *_statistics(task),
        dataset.class_names,
        None if inside == (height, width) else (inside[0], inside[1]),
        dataset.name,
    )


def _statistics(
    task: ImageClassification | SeriesClassification,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the channels."""
    mean, std = (
        tuple(np.asarray(each).astype(float).tolist()) for each in (task.mean, task.std)
    )
    return mean, std
