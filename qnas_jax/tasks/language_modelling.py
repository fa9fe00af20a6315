"""Running text, and the token that follows each: language modelling."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import struct

from qnas_jax.data import PADDING, Dataset, is_of_characters
from qnas_jax.options import Options, option
from qnas_jax.tasks.classification import cross_entropy_to
from qnas_jax.tasks.next_token import (
    BITS,
    PERPLEXITY,
    TOKEN_LOSS,
    mean_over_places,
)
from qnas_jax.tasks.task import Metric
from qnas_jax.tasks.word_numbers import drop_words, in_digits


@dataclasses.dataclass(frozen=True)
class LanguageTraining(Options):
    """What running text undergoes in training."""

    word_dropout: float = option(
        0.0, "share of the tokens that become unknown ones; 0 is off", low=0, below=1
    )
    label_smoothing: float = option(0.0, "mass spread over all tokens", low=0, below=1)


class LanguageModelling(struct.PyTreeNode):
    """The next token by its log loss, from those before it in the same window.

    Networks see the number of each token in two digits.

    Attributes:
      input_shape: (tokens of a window, 2).
      num_outputs: tokens that there are, with those of no and of an unknown one.
      characters: whether every token is one character, so that bits can be counted.
      training: what running text undergoes in training.
    """

    input_shape: tuple[int, ...] = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    characters: bool = struct.field(pytree_node=False)
    training: LanguageTraining = struct.field(
        pytree_node=False, default_factory=LanguageTraining
    )

    @classmethod
    def of(cls, dataset: Dataset) -> "LanguageModelling":
        """The task of a data set.

        Args:
          dataset: inputs and targets int32 [N, T].

        Returns:
          The task.
        """
        return cls(
            input_shape=(*dataset.input_shape, 2),
            num_outputs=len(dataset.words),
            characters=is_of_characters(dataset.words),
        )

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What networks are judged by, by name."""
        bits = {"bits_per_character": BITS} if self.characters else {}
        return {"loss": TOKEN_LOSS, "perplexity": PERPLEXITY, **bits}

    @property
    def details(self) -> Mapping[str, Metric]:
        """Nothing: intervals follow from the losses of the windows."""
        return {}

    @property
    def score(self) -> str:
        """Name of the metric that searches improve."""
        return "loss"

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the architectures that a found one is compared with."""
        return ("largest",)

    def with_options(self, options: LanguageTraining) -> "LanguageModelling":
        """The same task with other options of training."""
        return self.replace(training=options)

    def prepare(self, inputs: jax.Array) -> jax.Array:
        """Numbers of tokens int32 [N, T], in digits: float32 [N, T, 2]."""
        return in_digits(inputs)

    def augment(self, key: jax.Array, inputs: jax.Array) -> jax.Array:
        """As `prepare`, float32 [N, T, 2], some tokens unknown; the key is consumed."""
        return in_digits(drop_words(key, inputs, self.training.word_dropout))

    def loss(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Mean cross-entropy [] of all places, see `mean_over_places`."""
        return mean_over_places(outputs, targets, self.training.label_smoothing)

    def distilled_loss(
        self, outputs: jax.Array, targets: jax.Array, teacher: jax.Array
    ) -> jax.Array:
        """Mean [] over all places of the cross-entropy to a teacher, 0 where none is.

        All are [N, T, V] but the targets [N, T].
        """
        losses = cross_entropy_to(teacher, outputs)
        return jnp.where(targets != PADDING, losses, 0.0).mean()
