"""One network of a space trained from scratch, whose architecture is data.

A candidate is a path of fresh weights, and nothing else of the supernet: no weights are
shared. Its training is that of a stand-alone network (`training/retrain.py`) with the
same weights, batches and optimiser, so both agree to rounding
(`tests/training/test_population.py`); but one compiled program serves all architectures
of the space. All here is written for one network; `training/population.py` puts
networks side by side.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.nets import Slots, Supernet, take_path
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.optimizer import TrainingOptions, make_sgd
from qnas_jax.training.path_learning import to_compute_with


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network to train.

    Attributes:
      arch: op of each layer.
      weights_key: draws its initial weights; consumed.
      batches_key: draws order and augmentation of its batches; networks of equal keys
        see equal batches.
    """

    arch: tuple[int, ...]
    weights_key: jax.Array
    batches_key: jax.Array


@dataclasses.dataclass(frozen=True)
class Trained:
    """What became of a candidate.

    Attributes:
      losses: mean training loss of each epoch; ends with the first that is not finite.
      found: what the judge found, a tree of numbers; None if a loss is not finite.
      weights: (params, stats) of its path, in NumPy; None if they were not asked for.
      seconds: its share of the time, where several are trained at the same time.
    """

    losses: tuple[float, ...]
    found: Any
    weights: Any
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether training ended in a loss that is no number."""
        return not math.isfinite(self.losses[-1])


class CandidateState(struct.PyTreeNode):
    """All that the training of a candidate needs to go on.

    Attributes:
      params: the path's parameters, a row a layer.
      stats: its running statistics.
      moments: state of the optimiser.
    """

    params: Slots
    stats: Slots
    moments: Any


def start_candidate(
    supernet: Supernet, options: TrainingOptions, key: jax.Array, arch: jax.Array
) -> CandidateState:
    """Draws the state before the first step.

    Args:
      supernet: the networks.
      options: of the optimiser.
      key: consumed.
      arch: int32 [L].

    Returns:
      The state, with the weights of the path in `supernet.init(key)`.
    """
    params, stats = (take_path(slots, arch) for slots in supernet.init(key))
    moments = make_sgd(options, options.learning_rate).init(params)
    return CandidateState(params, stats, moments)


def train_epoch(
    supernet: Supernet,
    options: TrainingOptions,
    state: CandidateState,
    arch: jax.Array,
    key: jax.Array,
    epoch: jax.Array,
    rates: jax.Array,
    batches: TrainingBatches,
) -> tuple[CandidateState, jax.Array]:
    """Trains for one epoch, as `make_retrain_step` does without drop-path.

    Args:
      supernet: the networks.
      options: of the optimiser; its learning rate is not read.
      state: at the end of the epoch before.
      arch: int32 [L].
      key: names order and augmentation of the batches of all epochs; only folded.
      epoch: int32, epochs finished.
      rates: float32 [S], the learning rate of each step of this epoch.
      batches: the training split, and the task with its loss.

    Returns:
      The new state and the mean loss of the epoch; not finite if any step's is not.
    """
    order_key, steps_key = jax.random.split(key)
    order = epoch_order(order_key, epoch, batches.num_examples)

    def step(state: CandidateState, each: Any) -> tuple[CandidateState, jax.Array]:
        number, rate = each
        augment_key, _ = jax.random.split(jax.random.fold_in(steps_key, number))
        inputs, targets = batches.take(augment_key, order, number)

        def loss_fn(params: Slots) -> tuple[jax.Array, Slots]:
            outputs, stats = supernet.apply(
                to_compute_with(supernet, params, options.precision),
                state.stats,
                arch,
                inputs,
                mode="train",
            )
            return batches.task.loss(outputs, targets), stats

        (loss, stats), gradient = jax.value_and_grad(loss_fn, has_aux=True)(
            state.params
        )
        updates, moments = make_sgd(options, rate).update(
            gradient, state.moments, state.params
        )
        params = optax.apply_updates(state.params, updates)
        return CandidateState(params, stats, moments), loss

    numbers = epoch * len(rates) + jnp.arange(len(rates))
    state, losses = jax.lax.scan(step, state, (numbers, rates))
    return state, losses.mean()
