"""Warm-up by layers: the choice begins at the first layers and moves to the last.

Layers that are not open yet run their largest op, so the first paths differ in few
places and early layers settle first. All are open after a share of the training.
"""

from typing import Any

import jax
import jax.numpy as jnp

from experiments.recipes.recipe import Setup, Train, Trained, Trainer, make_step
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch


def opened(
    archs: jax.Array, largest: jax.Array, step: jax.Array, last: int
) -> jax.Array:
    """Paths int32 [S, L] with the largest op in the layers that are not open yet.

    Layer l is open from step `last` l / L on.
    """
    layers = archs.shape[1]
    is_open = step * layers >= last * jnp.arange(layers)
    return jnp.where(is_open[None], archs, largest)


def train_with(share: float) -> Train:
    """The recipe: after this share of the training all layers are open."""

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps = setup.steps()
        optimizer = setup.optimizer(steps)
        learning = setup.learning(optimizer)
        last = round(share * steps)

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, extra: Any
        ) -> tuple[SupernetState, Any]:
            archs = opened(archs, setup.largest[None], state.step, last)
            return learning.all_paths(state, archs, batch), extra

        trainer = Trainer(setup)
        pair = (setup.start(optimizer), ())
        state, _ = trainer(make_step(setup, update), pair, steps)
        return {"": Trained(((state.params, state.stats),))}, trainer.seconds

    return train
