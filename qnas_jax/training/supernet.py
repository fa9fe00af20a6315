"""One training step of the supernet, compiled once for all architectures.

The architecture is data. Rows of the chosen ops, their momenta and their running
statistics are read, trained, and written back, so nothing else changes and the
cost of the optimiser is that of the path, not of the supernet.

A sampler may draw several paths for one update (strict fairness). A padded supernet
runs them side by side, or each op once if the sampler promises that each is drawn once;
one that switches runs path after path, each with its gradient, so that memory is that
of one path.

With `precision` bfloat16 the rows are cast inside the loss (`nets/precision.py`);
weights, gradients, moments, statistics and the loss are float32.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from qnas_jax.nets import FORMS, Slots, Supernet, put_path, take_path
from qnas_jax.nets.slots import put_means
from qnas_jax.options import option
from qnas_jax.tasks import Task
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.loop import StepFn, Totals, in_one_call
from qnas_jax.training.optimizer import TrainingOptions
from qnas_jax.training.paths import (
    PATH_SAMPLERS,
    PathSampler,
    SamplerState,
    initial_sampler_state,
)


@dataclasses.dataclass(frozen=True)
class SupernetOptions(TrainingOptions):
    """Training of the weight-sharing supernet.

    Raises:
      OptionError: a value is not allowed.
    """

    form: str = option(
        "auto",
        "how ops are run: by control flow, or padded to one size; auto by backend",
        choices=("auto", *FORMS),
    )
    sampler: str = option(
        "balance_pool", "which paths are trained", choices=PATH_SAMPLERS
    )
    pool_every: int = option(5, "epochs between searches for the balance pool", low=1)
    pool_size: int = option(5, "architectures kept in the balance pool", low=1)
    pool_share: float = option(
        0.5, "share of the steps that train a pool member", low=0, high=1
    )
    pool_ramp: float = option(
        0.0, "epochs after the first search until the full share", low=0
    )
    pool_generations: int = option(2, "generations of each pool search", low=1)
    pool_population: int = option(20, "population of each pool search", low=1)
    pool_examples: int = option(
        500, "validation images that score pool candidates; 0 is all", low=0
    )


Batch = tuple[jax.Array, jax.Array]
"""Inputs as networks see them, and targets."""


class SupernetState(struct.PyTreeNode):
    """All that training needs to go on, as one tree of arrays.

    Attributes:
      params: rows of all ops.
      stats: running statistics of all ops.
      moments: state of the optimiser.
      sampler: state of the path sampler.
      totals: sums of the present epoch.
      pool_share: float32, share of steps that train a pool member.
      step: int32, steps finished.
    """

    params: Slots
    stats: Slots
    moments: Any
    sampler: SamplerState
    totals: Totals
    pool_share: jax.Array
    step: jax.Array


def initial_supernet_state(
    supernet: Supernet,
    task: Task,
    optimizer: optax.GradientTransformation,
    pool_size: int,
    key: jax.Array,
) -> SupernetState:
    """Draws the state before the first step.

    Args:
      supernet: the network.
      task: what it is trained for.
      optimizer: the optimiser.
      pool_size: E, architectures that the balance pool holds.
      key: consumed.

    Returns:
      The state.
    """
    params, stats = supernet.init(key)
    return SupernetState(
        params=params,
        stats=stats,
        moments=optimizer.init(params),
        sampler=initial_sampler_state(supernet.space.num_ops, pool_size),
        totals=Totals.zero(task),
        pool_share=jnp.zeros((), jnp.float32),
        step=jnp.zeros((), jnp.int32),
    )


def make_supernet_step(
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    sampler: PathSampler,
    batches: TrainingBatches,
    key: jax.Array,
    *,
    precision: str = "float32",
) -> StepFn:
    """Builds the step function for `run_epochs`.

    Args:
      supernet: the network.
      optimizer: the optimiser.
      sampler: draws the paths.
      batches: the training split, and the task with its loss.
      key: root of all randomness of the steps; only folded.
      precision: of values and products.

    Returns:
      (state, order, count=1) -> state, see `in_one_call`.
    """

    def step(
        state: SupernetState, order: jax.Array, batches: TrainingBatches, keys: Any
    ) -> SupernetState:
        order_key, steps_key = keys
        step_key = jax.random.fold_in(steps_key, state.step)
        path_key, augment_key = jax.random.split(step_key)
        archs, sampler_state = sampler.sample(
            order_key, path_key, state.sampler, state.pool_share
        )
        batch = batches.take(augment_key, order, state.step)
        learn = _PathLearning(
            supernet, batches.task, optimizer, precision, sampler.once
        )
        update = learn.one_path if sampler.num_paths == 1 else learn.all_paths
        state = update(state, archs, batch)
        return state.replace(sampler=sampler_state, step=state.step + 1)

    return in_one_call(step, batches, tuple(jax.random.split(key)))


@dataclasses.dataclass(frozen=True)
class _PathLearning:
    """How the paths of a step change the supernet; lives while the step is traced."""

    supernet: Supernet
    task: Task
    optimizer: optax.GradientTransformation
    precision: str
    once: bool

    def one_path(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> SupernetState:
        """Trains the rows of one path, and touches no others."""
        arch = archs[0]
        params, stats = take_path(state.params, arch), take_path(state.stats, arch)
        moments = map_slots(
            lambda slots: take_path(slots, arch), state.params, state.moments
        )
        (loss, (outputs, stats)), gradient = self._gradient(params, stats, arch, batch)
        updates, moments = self.optimizer.update(gradient, moments, params)
        params = optax.apply_updates(params, updates)
        return state.replace(
            params=put_path(state.params, arch, params),
            stats=put_path(state.stats, arch, stats),
            moments=map_slots(
                lambda slots, path: put_path(slots, arch, path),
                state.params,
                state.moments,
                moments,
            ),
            totals=state.totals.add(self.task, loss, outputs, batch[1]),
        )

    def all_paths(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> SupernetState:
        """Strict fairness: sums the gradients of all paths, then updates once.

        All paths start from the same statistics; a row that several of them used gets
        the mean of their new ones. Layers narrower than the widest may leave out an op
        in one update; its row keeps its values.
        """
        run = self._together if self.supernet.form == "padded" else self._one_by_one
        gradients, stats, totals = run(state, archs, batch)
        updates, moments = self.optimizer.update(gradients, state.moments, state.params)
        keep = functools.partial(_visited_rows, archs)
        return state.replace(
            params=keep(state.params, optax.apply_updates(state.params, updates)),
            stats=stats,
            moments=map_slots(keep, state.params, state.moments, moments),
            totals=totals,
        )

    def _together(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> tuple[Slots, Slots, Totals]:
        """The summed gradient, new statistics and totals, all paths in one pass."""
        inputs, targets = batch

        def loss_fn(params: Slots) -> tuple[jax.Array, Any]:
            outputs, stats = self.supernet.apply_paths(
                self._cast(params),
                state.stats,
                archs,
                inputs,
                mode="train",
                once=self.once,
            )
            losses = jax.vmap(self.task.loss, (0, None))(outputs, targets)
            return losses.sum(), (losses, outputs, stats)

        def add(totals: Totals, path: tuple[jax.Array, jax.Array]) -> Any:
            return totals.add(self.task, *path, targets), None

        gradients, (losses, outputs, stats) = jax.grad(loss_fn, has_aux=True)(
            state.params
        )
        totals, _ = jax.lax.scan(add, state.totals, (losses, outputs))
        return gradients, stats, totals

    def _one_by_one(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> tuple[Slots, Slots, Totals]:
        """The same with memory of one path."""

        def add_path(
            carry: tuple[Slots, Totals], arch: jax.Array
        ) -> tuple[tuple[Slots, Totals], Slots]:
            gradients, totals = carry
            params, stats = take_path(state.params, arch), take_path(state.stats, arch)
            (loss, (outputs, stats)), gradient = self._gradient(
                params, stats, arch, batch
            )
            gradients = _add_rows(gradients, arch, gradient)
            return (gradients, totals.add(self.task, loss, outputs, batch[1])), stats

        zero = jax.tree.map(jnp.zeros_like, state.params)
        (gradients, totals), found = jax.lax.scan(add_path, (zero, state.totals), archs)
        return gradients, put_means(state.stats, archs, found), totals

    def _cast(self, params: Slots) -> Slots:
        if self.precision == "float32":
            return params
        return self.supernet.in_precision(params, self.precision)

    def _gradient(
        self, params: Slots, stats: Slots, arch: jax.Array, batch: Batch
    ) -> Any:
        """((loss, (outputs, new statistics)), gradient to the parameters)."""
        inputs, targets = batch

        def loss_fn(params: Slots) -> tuple[jax.Array, tuple[jax.Array, Slots]]:
            outputs, new_stats = self.supernet.apply(
                self._cast(params), stats, arch, inputs, mode="train"
            )
            return self.task.loss(outputs, targets), (outputs, new_stats)

        return jax.value_and_grad(loss_fn, has_aux=True)(params)


def _visited_rows(archs: jax.Array, before: Slots, after: Slots) -> Slots:
    """The new rows of the ops that a path of archs [S, L] visits, old ones else."""
    rows = []
    for layer, (old, new) in enumerate(
        zip(before["layers"], after["layers"], strict=True)
    ):
        visited = jnp.zeros(len(old), bool).at[archs[:, layer]].set(True)
        rows.append(jnp.where(visited[:, None], new, old))
    return {"fixed": after["fixed"], "layers": rows}


def _add_rows(slots: Slots, arch: jax.Array, path: Slots) -> Slots:
    return {
        "fixed": [a + b for a, b in zip(slots["fixed"], path["fixed"], strict=True)],
        "layers": [
            matrix.at[arch[layer]].add(row)
            for layer, (matrix, row) in enumerate(
                zip(slots["layers"], path["layers"], strict=True)
            )
        ],
    }


def map_slots(
    function: Callable[..., Any], like: Slots, tree: Any, *others: Any
) -> Any:
    """Applies a function to the parts of an optimiser state that mirror parameters.

    Args:
      function: (part, *parts of the others) -> part.
      like: parameters; a part mirrors them if it has their tree structure.
      tree: the optimiser's state.
      *others: further states of the same structure.

    Returns:
      `tree` with these parts replaced; other leaves come from the last argument.
    """
    structure: Any = jax.tree.structure(like)

    def mirrors(node: Any) -> bool:
        return jax.tree.structure(node) == structure

    def visit(node: Any, *rest: Any) -> Any:
        return function(node, *rest) if mirrors(node) else (node, *rest)[-1]

    return jax.tree.map(visit, tree, *others, is_leaf=mirrors)
