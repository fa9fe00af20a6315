"""Small spaces that are trained whole, one for each kind of data, and their recipes.

Few examples to learn from and many to judge by: networks differ, and what they are
worth is known well enough to tell them apart.
"""

import dataclasses
from typing import Any

from qnas_jax import data
from qnas_jax.tasks.text_classification import TextTraining
from qnas_jax.training import TrainingOptions


@dataclasses.dataclass(frozen=True)
class Kind:
    """A space, and how its networks are trained.

    Attributes:
      space: name of a registered chain of layers.
      source: the data, split in three.
      training: of each network.
      short: epochs of a shorter training of each network, with a schedule of its own;
        0: there is none.
      task: what examples undergo while networks are trained; None: what the task does
        by itself.
    """

    space: str
    source: data.DataOptions
    training: TrainingOptions
    short: int = 0
    task: Any = None


KINDS: dict[str, Kind] = {
    "images": Kind(
        space="digits_tiny",
        source=data.DataOptions(test_fraction=0.4, valid_fraction=0.5, max_train=200),
        training=TrainingOptions(epochs=12, batch_size=25, learning_rate=0.05),
    ),
    "series": Kind(
        space="series_mini",
        source=data.DataOptions(source="ucr", name="SwedishLeaf", valid_fraction=0.5),
        training=TrainingOptions(epochs=18, batch_size=25, learning_rate=0.05),
        short=6,
    ),
    "text": Kind(
        space="text_mini",
        source=data.DataOptions(
            source="sst2", vocabulary=3_000, max_tokens=24, max_train=1_500
        ),
        training=TrainingOptions(
            epochs=3,
            batch_size=75,
            optimizer="adam",
            learning_rate=0.01,
            warmup_epochs=0.5,
        ),
        task=TextTraining(word_dropout=0.2),
    ),
}
"""By the kind of data."""
