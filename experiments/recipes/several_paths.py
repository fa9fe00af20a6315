"""An update by several paths, with targets of any kind and weights of their losses.

As `PathLearning` has it for networks that switch, path after path, with two openings:
targets are probabilities, and the gradients are weighed once all losses are known
(losses of pairs, at no further cost).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from qnas_jax.nets import Slots, take_path
from qnas_jax.nets.slots import put_means
from qnas_jax.training import SupernetState, map_slots
from qnas_jax.training.path_learning import PathLearning


def learn_together(
    learning: PathLearning,
    state: SupernetState,
    archs: jax.Array,
    batch: tuple[jax.Array, jax.Array],
    targets: jax.Array,
    *,
    weigh: Callable[[jax.Array], jax.Array] = jnp.ones_like,
) -> SupernetState:
    """Trains the paths of a step.

    Args:
      learning: network, task and optimiser.
      state: before the step.
      archs: int32 [S, L].
      batch: inputs [N, ...] and labels [N].
      targets: probabilities of the classes [N, C] that the paths learn.
      weigh: losses [S] -> weights [S] of the paths' gradients, taken as constants.

    Returns:
      The state after it; rows that no path visits keep their values and moments.
    """
    inputs, labels = batch

    def add_path(totals: Any, arch: jax.Array) -> Any:
        stats = take_path(state.stats, arch)

        def loss_fn(params: Slots) -> tuple[jax.Array, tuple[jax.Array, Slots]]:
            outputs, new = learning.supernet.apply(
                params, stats, arch, inputs, mode="train"
            )
            losses = optax.softmax_cross_entropy(outputs, targets)
            return losses.mean(), (outputs, new)

        (loss, (outputs, found)), gradient = jax.value_and_grad(loss_fn, has_aux=True)(
            take_path(state.params, arch)
        )
        totals = totals.add(learning.task, loss, outputs, labels)
        return totals, (loss, gradient, found)

    totals, (losses, gradients, stats) = jax.lax.scan(add_path, state.totals, archs)
    gradient = _sum_rows(state.params, archs, gradients, weigh(losses))
    optimizer = learning.optimizer
    updates, moments = optimizer.update(gradient, state.moments, state.params)
    params = optax.apply_updates(state.params, updates)

    def keep(before: Slots, after: Slots) -> Slots:
        return _visited(archs, before, after)

    return state.replace(
        params=keep(state.params, params),
        stats=put_means(state.stats, archs, stats),
        moments=map_slots(keep, state.params, state.moments, moments),
        totals=totals,
    )


def _sum_rows(like: Slots, archs: jax.Array, paths: Slots, weights: jax.Array) -> Slots:
    """The weighed sum of rows of paths, `Slots` with a leading [S]."""
    weighed = jax.tree.map(lambda rows: weights[:, None] * rows, paths)
    return {
        "fixed": [rows.sum(axis=0) for rows in weighed["fixed"]],
        "layers": [
            jnp.zeros_like(matrix).at[archs[:, layer]].add(rows)
            for layer, (matrix, rows) in enumerate(
                zip(like["layers"], weighed["layers"], strict=True)
            )
        ],
    }


def _visited(archs: jax.Array, before: Slots, after: Slots) -> Slots:
    rows = []
    for layer, (old, new) in enumerate(
        zip(before["layers"], after["layers"], strict=True)
    ):
        hit = (jnp.arange(len(old))[:, None] == archs[None, :, layer]).any(axis=1)
        rows.append(jnp.where(hit[:, None], new, old))
    return {"fixed": after["fixed"], "layers": rows}
