"""The tasks by name."""

import dataclasses

from qnas_jax.data import IMAGES, LANGUAGE, SERIES, SOURCES, TEXT, Dataset
from qnas_jax.options import OptionError, Options, option
from qnas_jax.tasks.image_classification import ImageClassification, ImageTraining
from qnas_jax.tasks.language_modelling import LanguageModelling, LanguageTraining
from qnas_jax.tasks.series_classification import SeriesClassification, SeriesTraining
from qnas_jax.tasks.task import Task, TaskSpec
from qnas_jax.tasks.text_classification import TextClassification, TextTraining

AUTO = "auto"
TASKS: dict[str, TaskSpec] = {
    "image_classification": TaskSpec(
        "the class of an image", ImageClassification.of, ImageTraining, "images", IMAGES
    ),
    "series_classification": TaskSpec(
        "the class of a series",
        SeriesClassification.of,
        SeriesTraining,
        "series",
        SERIES,
    ),
    "text_classification": TaskSpec(
        "the class of a sentence", TextClassification.of, TextTraining, "text", TEXT
    ),
    "language_modelling": TaskSpec(
        "the token that follows each in running text",
        LanguageModelling.of,
        LanguageTraining,
        "language",
        LANGUAGE,
    ),
}


@dataclasses.dataclass(frozen=True)
class TaskOptions(Options):
    """What networks are trained for."""

    name: str = option(
        AUTO,
        "what is learnt from the data; auto: what their source is for",
        choices=lambda: (AUTO, *TASKS),
    )

    def for_source(self, source: str) -> "TaskOptions":
        """The same with the name of a task.

        Args:
          source: name of the data's.

        Returns:
          The options; `auto` is the first task that has such data.

        Raises:
          OptionError: the task is for other data.
        """
        return TaskOptions(_named(self.name, SOURCES[source].kind, f"source {source}"))


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
    return TASKS[_named(options.name, dataset.kind, dataset.name)].make(dataset)


def _named(name: str, kind: str, what: str) -> str:
    """The task of a name, for data of a kind."""
    fitting = [other for other, spec in TASKS.items() if spec.kind == kind]
    if name == AUTO:
        return fitting[0]
    if TASKS[name].kind != kind:
        allowed = f"{' or '.join((AUTO, *fitting))} for the {kind} of {what}"
        raise OptionError("name", name, allowed)
    return name
