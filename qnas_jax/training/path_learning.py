"""How the paths of one step change a supernet: one of them, or several together.

One path: its rows, their momenta and their running statistics are read, trained, and
written back, so nothing else changes and the cost of the optimiser is that of the path,
not of the supernet.

Several paths of one update (strict fairness, a sandwich, a teacher): a padded supernet
runs them side by side, or each op once if the sampler promises that each is drawn once;
one that switches runs path after path, each with its gradient, so that memory is that
of one path. With `distillation` the first teaches the others (`distillation.py`).

With `precision` bfloat16 the rows are cast inside the loss (`nets/precision.py`);
weights, gradients, moments, statistics and the loss are float32.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from qnas_jax.devices import Devices
from qnas_jax.nets import Slots, Supernet, put_path, take_path
from qnas_jax.nets.slots import put_means
from qnas_jax.tasks import Task
from qnas_jax.training.distillation import shares_of_paths, taught_loss
from qnas_jax.training.loop import Totals
from qnas_jax.training.supernet_state import SupernetState, map_slots

Batch = tuple[jax.Array, jax.Array]
"""Inputs as networks see them, and targets."""


def to_compute_with(supernet: Supernet, params: Slots, precision: str) -> Slots:
    """Parameters as a step computes with them.

    Args:
      supernet: the network.
      params: its parameters, or a path's; they stay as they are for float32.
      precision: of `TrainingOptions`.

    Returns:
      The rows, cast where blocks compute in a lower precision.
    """
    if precision == "float32":
        return params
    return supernet.in_precision(params, precision)


@dataclasses.dataclass(frozen=True)
class PathLearning:
    """How the paths of a step change the supernet; lives while the step is traced."""

    supernet: Supernet
    task: Task
    optimizer: optax.GradientTransformation
    precision: str
    once: bool
    devices: Devices = Devices()
    distillation: float = 0.0

    def one_path(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> SupernetState:
        """Trains the rows of one path, archs int32 [1, L], and touches no others."""
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
        """Sums the gradients of paths int32 [S, L], then updates once.

        All paths start from the same statistics; a row that several of them used gets
        the mean of their new ones. A row that none of them used keeps its values.
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

        def compute(whole: Any, batch: Batch) -> tuple[Any, jax.Array]:
            params, stats, archs, task = whole
            inputs, targets = batch

            def loss_fn(params: Slots) -> tuple[jax.Array, Any]:
                outputs, new_stats = self.supernet.apply_paths(
                    to_compute_with(self.supernet, params, self.precision),
                    stats,
                    archs,
                    inputs,
                    mode="train",
                    once=self.once,
                )
                losses = jax.vmap(task.loss, (0, None))(outputs, targets)
                learnt = losses
                if self.distillation:
                    shares = shares_of_paths(len(archs), self.distillation)
                    taught = jax.vmap(taught_loss, (None, 0, None, None, 0))
                    learnt = taught(task, outputs, targets, outputs[0], shares)
                return learnt.sum(), (losses, outputs, new_stats)

            gradients, found = jax.grad(loss_fn, has_aux=True)(params)
            losses, outputs, new_stats = found
            return (gradients, losses, new_stats), outputs

        def add(totals: Totals, path: tuple[jax.Array, jax.Array]) -> Any:
            return totals.add(self.task, *path, batch[1]), None

        shared = self.devices.over_examples(compute, axis=1)
        (gradients, losses, stats), outputs = shared(
            (state.params, state.stats, archs, self.task), batch
        )
        totals, _ = jax.lax.scan(add, state.totals, (losses, outputs))
        return gradients, stats, totals

    def _one_by_one(
        self, state: SupernetState, archs: jax.Array, batch: Batch
    ) -> tuple[Slots, Slots, Totals]:
        """The same with memory of one path, and of what the first one says."""

        def add_path(carry: Any, drawn: tuple[jax.Array, jax.Array]) -> Any:
            gradients, totals, teacher = carry
            arch, share = drawn
            params, stats = take_path(state.params, arch), take_path(state.stats, arch)
            teaching = None if teacher is None else (share, teacher)
            (loss, (outputs, stats)), gradient = self._gradient(
                params, stats, arch, batch, teaching
            )
            gradients = _add_rows(gradients, arch, gradient)
            totals = totals.add(self.task, loss, outputs, batch[1])
            if teacher is not None:
                teacher = jnp.where(share == 0, outputs, teacher)
            return (gradients, totals, teacher), stats

        zero = jax.tree.map(jnp.zeros_like, state.params)
        teacher = None
        if self.distillation:
            teacher = jnp.zeros((*batch[1].shape, self.task.num_outputs))
        start = (zero, state.totals, teacher)
        drawn = (archs, shares_of_paths(len(archs), self.distillation))
        (gradients, totals, _), found = jax.lax.scan(add_path, start, drawn)
        return gradients, put_means(state.stats, archs, found), totals

    def _gradient(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        batch: Batch,
        teaching: tuple[jax.Array, jax.Array] | None = None,
    ) -> Any:
        """((loss of labels, (outputs, new statistics)), gradient to the parameters).

        Teaching is the share of a teacher [] in what is learnt, and its outputs.
        """
        share, said = teaching or (None, ())

        def compute(whole: Any, examples: Any) -> tuple[Any, jax.Array]:
            params, stats, arch, task, share = whole
            (inputs, targets), said = examples

            def loss_fn(params: Slots) -> tuple[jax.Array, Any]:
                outputs, new_stats = self.supernet.apply(
                    to_compute_with(self.supernet, params, self.precision),
                    stats,
                    arch,
                    inputs,
                    mode="train",
                )
                loss = task.loss(outputs, targets)
                learnt = loss
                if share is not None:
                    learnt = taught_loss(task, outputs, targets, said, share)
                return learnt, (loss, outputs, new_stats)

            gradient, found = jax.grad(loss_fn, has_aux=True)(params)
            loss, outputs, new_stats = found
            return (loss, new_stats, gradient), outputs

        shared = self.devices.over_examples(compute)
        (loss, new_stats, gradient), outputs = shared(
            (params, stats, arch, self.task, share), (batch, said)
        )
        return (loss, (outputs, new_stats)), gradient


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
