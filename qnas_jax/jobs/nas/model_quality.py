"""How good a model that leaves the package is, as float and in 8 bits.

Classifiers are judged by their accuracy, models of running text by the loss of a token.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import jax
import numpy as np
import optax

from qnas_jax.data import Split
from qnas_jax.export.inputs import KINDS
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.reporting.statistics import wilson_interval
from qnas_jax.reporting.token_losses import WindowLosses, loss_intervals
from qnas_jax.tasks import LanguageModelling, sums_of_windows
from qnas_jax.tasks.next_token import mean_over_places

_WINDOWS = 64  # of running text at once, as logits are large

Answers = Callable[[Any], Any]
"""A model: examples [N, ...] as the data have them -> logits [N, ...]."""


class Judge(Protocol):
    """What models of a task are judged by."""

    def value(self, run: Answers, split: Split) -> float:
        """A number of the model on a split."""

    def points_lost(self, full: float, other: float) -> float:
        """What a model of a value has lost against the full one, in points."""

    def loss(self, logits: jax.Array, targets: jax.Array) -> jax.Array:
        """What further training minimises, []; of logits and targets [N, ...]."""

    def facts(self, run: Answers, split: Split) -> dict[str, Any]:
        """Metrics of the model by name, and 95 % intervals as `<name>_interval`."""

    def in_words(self, facts: Mapping[str, Any]) -> str:
        """What `model.json` says of the float and the 8-bit model, in a line."""


def judge_of(setting: NasSetting) -> Judge:
    """What the models of a run are judged by."""
    task = setting.task
    if isinstance(task, LanguageModelling):
        return ByTokenLoss(_WINDOWS, task.characters)
    return ByAccuracy(setting.config.scoring.score_chunk)


@dataclasses.dataclass(frozen=True)
class ByAccuracy:
    """The share of examples that a classifier names right.

    Attributes:
      size: examples at once.
    """

    size: int

    def value(self, run: Answers, split: Split) -> float:
        """The accuracy, in [0, 1]."""
        right = sum(
            int((logits.argmax(axis=-1) == targets).sum())
            for logits, targets in answered(run, split, self.size)
        )
        return right / len(split)

    def points_lost(self, full: float, other: float) -> float:
        """As `Judge.points_lost`, in percentage points."""
        return 100 * (full - other)

    def loss(self, logits: jax.Array, targets: jax.Array) -> jax.Array:
        """Mean cross-entropy [] of logits [N, K] and classes int32 [N]."""
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
        return losses.mean()

    def facts(self, run: Answers, split: Split) -> dict[str, Any]:
        """The accuracy, with Wilson's interval."""
        share = self.value(run, split)
        interval = wilson_interval(share, len(split))
        return {"accuracy": share, "accuracy_interval": interval}

    def in_words(self, facts: Mapping[str, Any]) -> str:
        """Accuracy of the model, and what 8 bits cost."""
        full = facts["accuracy"]
        examples = KINDS[facts["inputs"]].variable
        words = f"{100 * full:.2f} % of {facts['test_examples']} test {examples}"
        if "int8_accuracy" not in facts:
            return words
        small = facts["int8_accuracy"]
        lost = self.points_lost(full, small)
        words += f", int8 {100 * small:.2f} %"
        return words + (f": {lost:.2f} points lost" if lost > 1 else "")


@dataclasses.dataclass(frozen=True)
class ByTokenLoss:
    """Mean cross-entropy of a token, and what follows from it.

    Attributes:
      size: windows at once.
      characters: whether every token is one character, so that bits can be counted.
    """

    size: int
    characters: bool

    def value(self, run: Answers, split: Split) -> float:
        """The loss, in nats."""
        mean, *_ = self._losses(run, split).mean()
        return mean

    def points_lost(self, full: float, other: float) -> float:
        """As `Judge.points_lost`; a point is 0.01 nats, 1 % of the perplexity."""
        return 100 * (other - full)

    def loss(self, logits: jax.Array, targets: jax.Array) -> jax.Array:
        """Mean cross-entropy [] of logits [N, T, V] and tokens int32 [N, T]."""
        return mean_over_places(logits, targets, 0.0)

    def facts(self, run: Answers, split: Split) -> dict[str, Any]:
        """Loss, perplexity and, of characters, bits; intervals are over windows."""
        losses = self._losses(run, split)
        mean, *_ = losses.mean()
        values = {"loss": mean, "perplexity": math.exp(mean)}
        if self.characters:
            values["bits_per_character"] = mean / math.log(2)
        ends = loss_intervals(losses, [f"test_{name}" for name in values])
        intervals = {f"{name}_interval": ends[f"test_{name}"] for name in values}
        return {**values, **intervals}

    def in_words(self, facts: Mapping[str, Any]) -> str:
        """Perplexity of the model, and what 8 bits cost."""
        windows = f"{facts['test_examples']} test windows"
        words = f"perplexity {facts['perplexity']:.3f} on {windows}"
        if "int8_perplexity" not in facts:
            return words
        words += f", int8 {facts['int8_perplexity']:.3f}"
        lost = self.points_lost(facts["loss"], facts["int8_loss"])
        return words + (f": {lost / 100:.3f} nats a token lost" if lost > 1 else "")

    def _losses(self, run: Answers, split: Split) -> WindowLosses:
        sums = [
            jax.device_get(sums_of_windows(*part))
            for part in answered(run, split, self.size)
        ]
        losses, tokens = (np.concatenate(each) for each in zip(*sums, strict=True))
        return WindowLosses(losses.astype(np.float64), tokens.astype(np.int64))


def answered(
    run: Answers, split: Split, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Logits and targets of a split, so many examples at once.

    Args:
      run: the model.
      split: examples.
      size: at once.

    Yields:
      Logits [N, ...] and targets [N, ...].
    """
    for start in range(0, len(split), size):
        chosen = slice(start, start + size)
        logits = np.asarray(jax.device_get(run(split.inputs[chosen])))
        yield logits, split.targets[chosen]
