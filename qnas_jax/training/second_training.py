"""Networks of a population that diverged, each trained once more with care.

The programs that train many networks know nothing of steps that give no finite numbers
(`training/guard.py` says what follows them). A network whose loss is not finite is
therefore trained again, alone, by a program that leaves such steps out; several in a
row take it back to the beginning of their epoch, at a lower learning rate.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.kernels import jit_network
from qnas_jax.nets import Supernet
from qnas_jax.stopping import Stopped
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.candidate import (
    Candidate,
    CandidateState,
    Trained,
    failing_step,
    start_candidate,
    train_epoch_with_care,
)
from qnas_jax.training.guard import IN_A_ROW, MOST_LOWERED, Trouble
from qnas_jax.training.optimizer import TrainingOptions


@dataclasses.dataclass(frozen=True)
class SecondTraining:
    """Trains one network with care; compiled when it is first used.

    Attributes:
      supernet: the networks.
      options: of the optimiser.
      batches: the training split, and the task with its loss.
      judge: (params, stats, arch, data) -> what is wanted of a trained network.
      data: what the judge is given.
    """

    supernet: Supernet
    options: TrainingOptions
    batches: TrainingBatches
    judge: Callable[..., Any]
    data: Any

    @functools.cached_property
    def _programs(self) -> tuple[Callable[..., Any], ...]:
        start = functools.partial(start_candidate, self.supernet, self.options)
        epoch = functools.partial(train_epoch_with_care, self.supernet, self.options)
        return jit_network(start), jit_network(epoch), jit_network(self.judge)

    def train(
        self,
        candidate: Candidate,
        rates: np.ndarray,
        stops: Callable[[], bool],
        *,
        keep_weights: bool,
    ) -> Trained:
        """Trains a network.

        Args:
          candidate: the network.
          rates: learning rates float32 [epochs, S].
          stops: asked before each epoch.
          keep_weights: whether `Trained.weights` is wanted.

        Returns:
          What became of it; where no learning rate helped its `failing` says the step
          and the layer.

        Raises:
          Stopped: `stops` answered yes.
        """
        started = time.perf_counter()
        start, _, judge = self._programs
        arch = jnp.asarray(candidate.arch, jnp.int32)
        state, trouble = start(candidate.weights_key, arch), Trouble()
        losses: list[float] = []
        for epoch, own_rates in enumerate(rates):
            if stops():
                raise Stopped
            after, loss, trouble, failed = self._epoch(
                state, candidate, epoch, own_rates, trouble
            )
            losses.append(loss)
            if failed is not None:
                return Trained(
                    losses=tuple(losses),
                    found=None,
                    weights=None,
                    seconds=time.perf_counter() - started,
                    trouble=trouble,
                    failing=self._in_words(state, candidate, failed, trouble),
                )
            state = after
        found = jax.device_get(judge(state.params, state.stats, arch, self.data))
        weights = jax.device_get((state.params, state.stats)) if keep_weights else None
        return Trained(
            losses=tuple(losses),
            found=jax.tree.map(float, found),
            weights=weights,
            seconds=time.perf_counter() - started,
            trouble=trouble,
        )

    def _epoch(
        self,
        state: CandidateState,
        candidate: Candidate,
        epoch: int,
        rates: np.ndarray,
        trouble: Trouble,
    ) -> tuple[CandidateState, float, Trouble, int | None]:
        """State, loss, trouble after an epoch, and the first step that failed for good.

        That step is None where some learning rate helped.
        """
        _, run, _ = self._programs
        arch = jnp.asarray(candidate.arch, jnp.int32)
        while True:
            after, loss, sound = run(
                state,
                arch,
                candidate.batches_key,
                jnp.int32(epoch),
                np.float32(trouble.rate) * rates,
                self.batches,
            )
            first, longest = _longest_row(~np.asarray(sound))
            if longest < min(IN_A_ROW, len(rates)):
                skipped = int((~np.asarray(sound)).sum())
                trouble = trouble._replace(skipped=trouble.skipped + skipped)
                return after, float(loss), trouble, None
            if trouble.lowered == MOST_LOWERED:
                return state, float("nan"), trouble, epoch * len(rates) + first
            trouble = trouble._replace(lowered=trouble.lowered + 1)

    def _in_words(
        self, state: CandidateState, candidate: Candidate, step: int, trouble: Trouble
    ) -> str:
        epoch = step // self.batches.steps_per_epoch
        place = failing_step(
            self.supernet,
            state,
            candidate.arch,
            candidate.batches_key,
            step,
            self.batches,
        )
        words = (
            f"step {step + 1} (epoch {epoch + 1}) and those after it give no finite "
            f"numbers, also at {trouble.rate:g} times the learning rate"
        )
        return f"{words}: {place}" if place else words


def _longest_row(failed: np.ndarray) -> tuple[int, int]:
    """Where the longest row of steps that failed begins, and its length."""
    first = longest = length = 0
    for place, each in enumerate(failed.tolist()):
        length = length + 1 if each else 0
        if length > longest:
            first, longest = place - length + 1, length
    return first, longest
