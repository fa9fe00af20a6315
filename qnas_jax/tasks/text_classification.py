"""Sentences, each of one class."""

import dataclasses

import jax
from flax import struct

from qnas_jax.data import Dataset
from qnas_jax.options import Options, option
from qnas_jax.tasks.classifying import Classifying
from qnas_jax.tasks.word_numbers import drop_words, in_digits


@dataclasses.dataclass(frozen=True)
class TextTraining(Options):
    """What training sentences and their labels undergo."""

    word_dropout: float = option(
        0.0, "share of the words that become unknown ones; 0 is off", low=0, below=1
    )
    label_smoothing: float = option(0.1, "mass spread over all classes", low=0, below=1)


class TextClassification(Classifying, struct.PyTreeNode):
    """Classification of sentences by accuracy.

    Networks see the number of each word in two digits.

    Attributes:
      input_shape: (words of a sentence, 2).
      num_outputs: number of classes.
      words: how many words are known, with those of no and of an unknown word.
      training: what training sentences and labels undergo.
    """

    input_shape: tuple[int, ...] = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    words: int = struct.field(pytree_node=False)
    training: TextTraining = struct.field(
        pytree_node=False, default_factory=TextTraining
    )

    @classmethod
    def of(cls, dataset: Dataset) -> "TextClassification":
        """The task of a data set.

        Args:
          dataset: inputs int32 [N, T], targets int32 [N].

        Returns:
          The task.
        """
        return cls(
            input_shape=(*dataset.input_shape, 2),
            num_outputs=dataset.num_classes,
            words=len(dataset.words),
        )

    def with_options(self, options: TextTraining) -> "TextClassification":
        """The same task with other options of training."""
        return self.replace(training=options)

    def prepare(self, inputs: jax.Array) -> jax.Array:
        """Numbers of words int32 [N, T], in digits: float32 [N, T, 2]."""
        return in_digits(inputs)

    def augment(self, key: jax.Array, inputs: jax.Array) -> jax.Array:
        """As `prepare`, float32 [N, T, 2], some words unknown; the key is consumed."""
        return in_digits(drop_words(key, inputs, self.training.word_dropout))
