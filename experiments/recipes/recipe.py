"""What a recipe for a supernet is, and what all of them share.

A recipe is a change to options, and a function that trains. Whatever it does, its
batches, augmentations and paths are drawn from the same keys, so that two recipes of
one seed differ by the recipe alone.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from qnas_jax.data import epoch_order
from qnas_jax.evaluation import Weights
from qnas_jax.nets import Supernet
from qnas_jax.spaces import CostTable
from qnas_jax.training import (
    PathSampler,
    StepFn,
    SupernetOptions,
    SupernetState,
    TrainingBatches,
    in_one_call,
    initial_supernet_state,
    make_sampler,
    make_schedule,
)
from qnas_jax.training.optimizer import make_rule
from qnas_jax.training.path_learning import Batch, PathLearning


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a recipe trains with.

    Attributes:
      supernet: the network.
      costs: of its ops.
      options: of the training; of its length only `path_images` counts, and
        `warmup_epochs` is a share of it.
      batches: images, and the task with its loss.
      path_images: how many images pass through paths that are trained.
      key: root of all randomness; only folded.
    """

    supernet: Supernet
    costs: CostTable
    options: SupernetOptions
    batches: TrainingBatches
    path_images: int
    key: jax.Array

    @property
    def sampler(self) -> PathSampler:
        """Draws the paths of a step."""
        return make_sampler(self.options, self.supernet.space, self.costs)

    def steps(self, paths: int | None = None) -> int:
        """Steps that fit, if each trains so many paths (those of the sampler)."""
        paths = paths or self.sampler.num_paths
        return max(self.path_images // (paths * self.batches.batch_size), 1)

    def optimizer(
        self,
        steps: int,
        course: Callable[[jax.Array], jax.Array] = lambda count: count,
    ) -> optax.GradientTransformation:
        """SGD whose schedule ends after so many steps.

        Args:
          steps: of the whole training.
          course: (updates so far) -> place in the schedule.
        """
        options = dataclasses.replace(self.options, epochs=1)
        schedule = make_schedule(options, steps)
        return make_rule(options, lambda count: schedule(course(count)))

    def learning(self, optimizer: optax.GradientTransformation) -> PathLearning:
        """How the package trains paths."""
        sampler, options = self.sampler, self.options
        task = self.batches.task
        return PathLearning(
            self.supernet,
            task,
            optimizer,
            options.precision,
            sampler.once,
            distillation=sampler.distillation,
        )

    def start(self, optimizer: optax.GradientTransformation) -> SupernetState:
        """The state before the first step."""
        key = jax.random.fold_in(self.key, 1)
        task, size = self.batches.task, self.options.pool_size
        return initial_supernet_state(self.supernet, task, optimizer, size, key)

    def macs(self, archs: jax.Array) -> jax.Array:
        """Multiply-adds of the searched ops of architectures int32 [S, L]: [S]."""
        table = jnp.asarray(self.costs.by_op["macs"], jnp.float32)
        return table[jnp.arange(archs.shape[1]), archs].sum(axis=1)

    @property
    def largest(self) -> jax.Array:
        """The architecture of the most multiply-adds, int32 [L]."""
        return jnp.asarray(self.costs.largest("macs"))


@dataclasses.dataclass(frozen=True)
class Trained:
    """Weights to be scored.

    Attributes:
      parts: supernets' (params, stats): one, or one an op of `layer`.
      layer: by whose op an architecture finds its supernet.
    """

    parts: tuple[Weights, ...]
    layer: int | None = None


Train = Callable[[Setup], tuple[dict[str, Trained], float]]
"""Trains: (what is to be scored by variant, seconds of the processor)."""

Update = Callable[[SupernetState, jax.Array, Batch, Any], tuple[SupernetState, Any]]
"""(state, archs [S, L], batch, extra) -> (state after the step but for its number,
extra); what `extra` is, is the recipe's matter."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One idea.

    Attributes:
      train: does it.
      options: changes to the base's `SupernetOptions`.
      images: changes to the base's `ImageTraining`.
    """

    train: Train
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    images: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def make_step(setup: Setup, update: Update) -> StepFn:
    """A step of the pair (state, extra), with the keys of `make_supernet_step`."""
    sampler = setup.sampler

    def step(
        pair: tuple[SupernetState, Any],
        order: jax.Array,
        batches: TrainingBatches,
        keys: Any,
    ) -> tuple[SupernetState, Any]:
        state, extra = pair
        order_key, steps_key = keys
        step_key = jax.random.fold_in(steps_key, state.step)
        path_key, augment_key = jax.random.split(step_key)
        archs, sampler_state = sampler.sample(
            order_key, path_key, state.sampler, state.pool_share
        )
        batch = batches.take(augment_key, order, state.step)
        state, extra = update(state, archs, batch, extra)
        return state.replace(sampler=sampler_state, step=state.step + 1), extra

    keys = tuple(jax.random.split(jax.random.fold_in(setup.key, 2)))
    return in_one_call(step, setup.batches, keys)


class Trainer:
    """Takes steps, and counts the processor's time without that of compiling."""

    def __init__(self, setup: Setup):
        """Takes no step."""
        self._setup = setup
        self.seconds = 0.0

    def __call__(self, step_fn: StepFn, pair: Any, steps: int) -> Any:
        """Takes so many steps from where the state is; the pair is donated."""
        batches, key = self._setup.batches, jax.random.fold_in(self._setup.key, 3)
        first = int(pair[0].step)
        order = epoch_order(key, first // batches.steps_per_epoch, batches.num_examples)
        pair = step_fn(pair, order, 0)  # Compiles.
        jax.block_until_ready(pair)
        started = time.process_time()
        for step in range(first, first + steps):
            if step % batches.steps_per_epoch == 0:
                epoch = step // batches.steps_per_epoch
                order = epoch_order(key, epoch, batches.num_examples)
            pair = step_fn(pair, order, 1)
        jax.block_until_ready(pair)
        self.seconds += time.process_time() - started
        return pair
