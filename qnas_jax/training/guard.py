"""Steps without finite numbers: left out, then at a lower learning rate, then the end.

The good path pays nothing for it within an epoch: its programs know nothing of all
this. At the end of an epoch the state is copied to the host and looked at. If something
in it is not finite the epoch is taken again from the copy before, one step a call of
the same program, so that all good steps are what they were, bit by bit. A step after
which weights, statistics, moments or loss are not finite is then left out. Several in a
row take the state back to where they began, and the learning rate is lowered from there
on. What was left out and lowered stands in each checkpoint, so a run that was stopped
goes on alike.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qnas_jax.kernels.device_memory import is_out_of_memory
from qnas_jax.stopping import Stopped
from qnas_jax.training.counts import count_on_device

IN_A_ROW = 3
"""So many steps in a row that give no finite numbers lower the learning rate."""

MOST_LOWERED = 3
"""How often it is lowered before training ends."""

LOWER = 0.1
"""Its factor each time."""


class Trouble(NamedTuple):
    """What has happened so far, a JSON value.

    Attributes:
      skipped: steps that were left out.
      lowered: how often the learning rate was lowered.
    """

    skipped: int = 0
    lowered: int = 0

    @property
    def rate(self) -> float:
        """The factor of the learning rate."""
        return LOWER**self.lowered


class NoFiniteStepError(Exception):
    """No learning rate helps.

    Attributes:
      state: before the first of the steps that give no finite numbers.
    """

    def __init__(self, state: Any):
        super().__init__("no step gives finite numbers")
        self.state = state


def is_sound(state: Any) -> bool:
    """Whether all that a step computes is finite, of a state on the host or device.

    A best score before the first validation and empty places of a pool are -inf, and
    are not looked at.

    Args:
      state: with the fields `params`, `stats`, `moments` and `totals`.
    """
    computed = (state.params, state.stats, state.moments, state.totals)
    return all(
        np.isfinite(leaf).all()
        for leaf in map(np.asarray, jax.tree.leaves(computed))
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    )


def host_copy(state: Any) -> Any:
    """A copy on the host, of a state whose arrays will be donated."""
    return jax.tree.map(lambda leaf: np.array(leaf), state)


def _left_out(kept: Any) -> Any:
    """The state after a step that changes nothing; the learning rate goes on."""
    step = kept.step + 1
    moments = optax.tree_utils.tree_set(kept.moments, count=np.asarray(step, np.int32))
    return kept.replace(step=np.asarray(step, kept.step.dtype), moments=moments)


@dataclasses.dataclass
class Guard:
    """Watches one training; keeps a copy of its state at the end of each epoch.

    Attributes:
      step_at: factor of the learning rate -> the step function, see `in_one_call`;
        called again only when the rate is lowered.
      tell: says what happens, one line at a time.
      trouble: so far; of an earlier process where a training goes on.
    """

    step_at: Callable[[float], Callable[..., Any]]
    tell: Callable[[str], object]
    trouble: Trouble = Trouble()

    def __post_init__(self) -> None:
        self._kept: Any = None
        self._places: Any = None  # on which devices its arrays were
        self._most: int | None = None  # steps of a call, once memory ran out
        self.step_fn = self.step_at(self.trouble.rate)

    def begin(self, state: Any) -> None:
        """Keeps the first state.

        Raises:
          NoFiniteStepError: something in it is not finite.
        """
        if not is_sound(state):
            raise NoFiniteStepError(state)
        self.keep(state)

    def keep(self, state: Any) -> None:
        """Copies a state, all of it finite, at the beginning of an epoch."""
        self._kept = host_copy(state)
        self._places = jax.tree.map(lambda leaf: leaf.sharding, state)

    def _on_device(self, kept: Any) -> Any:
        """Arrays of their own, as they are donated, where they were.

        What several processes hold is put there again by the step itself.
        """

        def put(values: Any, place: jax.sharding.Sharding) -> jax.Array:
            copied = jnp.array(values)
            return (
                jax.device_put(copied, place) if place.is_fully_addressable else copied
            )

        return jax.tree.map(put, kept, self._places)

    def run(self, state: Any, order: jax.Array, step: int, end: int) -> Any:
        """Takes steps; fewer a call, from the last copy on, where memory runs out.

        Args:
          state: its arrays are donated.
          order: int32 [N], of the examples of this epoch.
          step: steps that are finished.
          end: steps that are finished then, within the epoch.

        Returns:
          The state after them.
        """
        while step < end:
            count = min(end - step, self._most or end - step)
            try:
                state = self.step_fn(state, order, count_on_device(count))
                step += count
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or count == 1:
                    raise
                self._most = count // 2
                self.tell(
                    f"out of memory with {count} steps a call, from now on {self._most}"
                )
                # What was donated is gone.
                state, step = self._on_device(self._kept), int(self._kept.step)
        return state

    def sound(self, state: Any) -> Any:
        """A state to be saved: the one given, or the last one that is finite."""
        if self._kept is None or is_sound(state):
            return state
        return self._on_device(self._kept)

    def take_again(
        self,
        order: jax.Array,
        epoch: range,
        should_stop: Callable[[], bool],
    ) -> Any:
        """Takes the steps since the last copy again, without those that fail.

        Args:
          order: int32 [N], of the examples of this epoch.
          epoch: numbers of its steps.
          should_stop: asked after good steps.

        Returns:
          The state after them, all of it finite.

        Raises:
          Stopped: the user asked to stop; the exception carries a finite state.
          NoFiniteStepError: the lowest learning rate does not help.
        """
        state, good = self._kept, self._kept
        most = min(IN_A_ROW, len(epoch))  # so that an epoch has a good step
        in_a_row = 0
        while int(state.step) in epoch:
            before = state
            state = host_copy(self.step_fn(self._on_device(before), order))
            if is_sound(state):
                in_a_row = 0
                if should_stop():
                    raise Stopped(self._on_device(state))
                continue
            good = good if in_a_row else before
            in_a_row += 1
            if in_a_row < most:
                state = _left_out(before)
                self._count(skipped=1, step=int(state.step))
            else:
                self._lower(good, in_a_row)
                state, in_a_row = good, 0
        return self._on_device(state)

    def _count(self, *, skipped: int, step: int) -> None:
        found = self.trouble
        self.trouble = found._replace(skipped=found.skipped + skipped)
        self.tell(
            f"step {step} gives no finite numbers and is left out "
            f"({self.trouble.skipped} so far)"
        )

    def _lower(self, good: Any, in_a_row: int) -> None:
        """Lowers the learning rate; the steps of the row are taken again."""
        skipped, lowered = self.trouble
        if lowered == MOST_LOWERED:
            raise NoFiniteStepError(good)
        self.trouble = Trouble(skipped - (in_a_row - 1), lowered + 1)
        self.step_fn = self.step_at(self.trouble.rate)
        self.tell(
            f"{in_a_row} steps from step {int(good.step) + 1} on give no finite "
            f"numbers: back to step {int(good.step)}, with a learning rate of "
            f"{self.trouble.rate:g} times that of the options from here on"
        )
