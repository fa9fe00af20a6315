"""One network of a space trained from scratch, whose architecture is data.

A candidate is a path of fresh weights, and nothing else of the supernet: no weights are
shared. Its training is that of a stand-alone network (`training/retrain.py`) with the
same weights, batches and optimiser, so both agree to rounding
(`tests/training/test_population.py`); but one compiled program serves all architectures
of the space. All here is written for one network; `training/population.py` puts
networks side by side.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.nets import Slots, Supernet, put_path, set_mode, take_path
from qnas_jax.nets.non_finite import non_finite_place
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.guard import Trouble
from qnas_jax.training.optimizer import TrainingOptions, make_rule
from qnas_jax.training.path_learning import to_compute_with


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network to train.

    Attributes:
      arch: op of each layer.
      weights_key: a JAX key [], draws its initial weights; consumed.
      batches_key: likewise, draws order and augmentation of its batches; networks of
        equal keys see equal batches.
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
      trouble: steps that were left out, and what became of the learning rate.
      failing: where training ended for want of finite numbers, in words.
    """

    losses: tuple[float, ...]
    found: Any
    weights: Any
    seconds: float
    trouble: Trouble = Trouble()
    failing: str = ""

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
    moments = make_rule(options, options.learning_rate).init(params)
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
      epoch: int32 [], epochs finished.
      rates: float32 [S], the learning rate of each step of this epoch.
      batches: the training split, and the task with its loss.

    Returns:
      The new state and the mean loss [] of the epoch; not finite if any step's is not.
    """
    step = _step_of_epoch(supernet, options, arch, key, epoch, batches)
    state, losses = jax.lax.scan(step, state, _numbered(epoch, rates))
    return state, losses.mean()


def train_epoch_with_care(
    supernet: Supernet,
    options: TrainingOptions,
    state: CandidateState,
    arch: jax.Array,
    key: jax.Array,
    epoch: jax.Array,
    rates: jax.Array,
    batches: TrainingBatches,
) -> tuple[CandidateState, jax.Array, jax.Array]:
    """As `train_epoch`, without the steps that give no finite numbers.

    Returns:
      The new state, the mean loss of the steps that count, and which do, bool [S].
    """
    step = _step_of_epoch(supernet, options, arch, key, epoch, batches)

    def careful(state: CandidateState, each: Any) -> tuple[CandidateState, Any]:
        after, loss = step(state, each)
        leaves = jax.tree.leaves((after, loss))
        sound = jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()
        after = jax.tree.map(lambda new, old: jnp.where(sound, new, old), after, state)
        return after, (jnp.where(sound, loss, 0.0), sound)

    state, (losses, sound) = jax.lax.scan(careful, state, _numbered(epoch, rates))
    return state, losses.sum() / sound.sum(), sound


def failing_step(
    supernet: Supernet,
    state: CandidateState,
    arch: tuple[int, ...],
    key: jax.Array,
    step: int,
    batches: TrainingBatches,
) -> str:
    """Where in a network the numbers of a step begin not to be finite.

    Args:
      supernet: the networks.
      state: before the epoch of the step, or before the step.
      arch: op of each layer.
      key: of the batches, as for `train_epoch`.
      step: its number.
      batches: the training split.

    Returns:
      The place in words, "" if all numbers are finite there.
    """
    epoch = step // batches.steps_per_epoch
    batch = _batches_of_epoch(key, jnp.int32(epoch), batches)
    inputs, targets = batch(jnp.int32(step))
    fresh = supernet.init(jax.random.key(0))
    path = jnp.asarray(arch, jnp.int32)
    params, stats = (
        put_path(slots, path, own)
        for slots, own in zip(fresh, (state.params, state.stats), strict=True)
    )
    network = supernet.cut(params, stats, np.asarray(arch))
    set_mode(network, "train")
    loss = functools.partial(batches.task.loss, targets=targets)
    return non_finite_place(network, inputs, loss)


def _numbered(epoch: jax.Array, rates: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Numbers of the steps of an epoch, int32 [S], and their learning rates [S]."""
    numbers = epoch * len(rates) + jnp.arange(len(rates))
    return numbers, rates


def _batches_of_epoch(
    key: jax.Array, epoch: jax.Array, batches: TrainingBatches
) -> Callable[[jax.Array], tuple[jax.Array, jax.Array]]:
    """Number of a step -> inputs as networks see them, and targets."""
    order_key, steps_key = jax.random.split(key)
    order = epoch_order(order_key, epoch, batches.num_examples)

    def batch(number: jax.Array) -> tuple[jax.Array, jax.Array]:
        augment_key, _ = jax.random.split(jax.random.fold_in(steps_key, number))
        return batches.take(augment_key, order, number)

    return batch


def _step_of_epoch(
    supernet: Supernet,
    options: TrainingOptions,
    arch: jax.Array,
    key: jax.Array,
    epoch: jax.Array,
    batches: TrainingBatches,
) -> Callable[[CandidateState, Any], tuple[CandidateState, jax.Array]]:
    """(state, (number of the step, learning rate)) -> the new state and the loss."""
    batch = _batches_of_epoch(key, epoch, batches)

    def step(state: CandidateState, each: Any) -> tuple[CandidateState, jax.Array]:
        number, rate = each
        inputs, targets = batch(number)

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
        updates, moments = make_rule(options, rate).update(
            gradient, state.moments, state.params
        )
        params = optax.apply_updates(state.params, updates)
        return CandidateState(params, stats, moments), loss

    return step


def kept_bytes(
    supernet: Supernet, options: TrainingOptions, batches: TrainingBatches
) -> int:
    """What a step keeps of one network: its state, and what its gradient needs.

    Values of blocks count as the step computes them, in `options.precision`.
    """

    def pull(key: jax.Array, arch: jax.Array, order: jax.Array) -> Any:
        state = start_candidate(supernet, options, key, arch)
        inputs, _ = batches.take(key, order, jnp.int32(0))

        def outputs(params: Slots) -> Any:
            rows = to_compute_with(supernet, params, options.precision)
            return supernet.apply(rows, state.stats, arch, inputs, mode="train")

        return state, jax.vjp(outputs, state.params)[1]

    arch, order = (
        jax.ShapeDtypeStruct((size,), jnp.int32)
        for size in (supernet.space.num_layers, batches.num_examples)
    )
    key = jax.eval_shape(lambda: jax.random.key(0))
    kept = jax.tree.leaves(jax.eval_shape(pull, key, arch, order))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in kept)


def take_apart(
    count: int, losses: np.ndarray, found: Any, weights: Any, seconds: float
) -> list[Trained]:
    """What became of the first networks of a call that trained P side by side.

    Args:
      count: of the networks that are told of; the others are repeats.
      losses: float [epochs, P].
      found: metrics by name, [P] each.
      weights: a tree of arrays [P, ...], or None if they are not wanted.
      seconds: that each took.

    Returns:
      One a network; losses up to the first that is not finite, and no metrics then.
    """
    trained = []
    for place in range(count):
        own = losses[:, place]
        finite = np.isfinite(own)
        ended = len(own) if finite.all() else int(finite.argmin()) + 1
        tree = found, weights
        own_found, own_weights = jax.tree.map(lambda leaf, at=place: leaf[at], tree)
        trained.append(
            Trained(
                losses=tuple(own[:ended].tolist()),
                found=jax.tree.map(float, own_found) if finite.all() else None,
                weights=own_weights,
                seconds=seconds,
            )
        )
    return trained
