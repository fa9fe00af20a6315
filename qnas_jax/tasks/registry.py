"""The tasks by name."""

import dataclasses

from qnas_jax.data import Dataset
from qnas_jax.options import Options, option
from qnas_jax.tasks.image_classification import ImageClassification, ImageTraining
from qnas_jax.tasks.task import Task, TaskSpec

TASKS: dict[str, TaskSpec] = {
    "image_classification": TaskSpec(
        "the class of an image", ImageClassification.of, ImageTraining, "images"
    ),
}


@dataclasses.dataclass(frozen=True)
class TaskOptions(Options):
    """What networks are trained for."""

    name: str = option(
        "image_classification", "what is learnt from the data", choices=TASKS
    )


def make_task(options: TaskOptions, dataset: Dataset) -> Task:
    """Builds the task of a run.

    Args:
      options: which.
      dataset: what it is learnt from.

    Returns:
      The task, with the defaults of its options of training.

    Raises:
      UserError: the data do not fit the task.
    """
    return TASKS[options.name].make(dataset)
