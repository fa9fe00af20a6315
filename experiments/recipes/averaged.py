"""An exponential average of all rows is scored instead of the last ones.

Averages of weights along the path of SGD (Polyak & Juditsky 1992) lie in flatter
places and generalise better; supernets are noisier than networks, as each step trains
other paths. The training itself stays as it is, so one training serves several decays
and the last weights: it is the base's. Statistics are recalibrated, none are averaged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from experiments.recipes.recipe import Setup, Train, Trained, Trainer, make_step
from qnas_jax.nets import Slots
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch


def average(old: Slots, new: Slots, decay: float, step: jax.Array) -> Slots:
    """One step of the average.

    Args:
      old: the average so far.
      new: the present rows.
      decay: of the average, in [0, 1).
      step: int32, steps before this one; early averages forget faster.

    Returns:
      d old + (1 - d) new with d = min(decay, (1 + step) / (10 + step)).
    """
    kept = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda a, b: kept * a + (1 - kept) * b, old, new)


def train_with(decays: Sequence[float]) -> Train:
    """The recipe with some averages, scored one by one beside the last weights."""

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps = setup.steps()
        optimizer = setup.optimizer(steps)
        learn: Callable[..., SupernetState] = setup.learning(optimizer).all_paths

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, averages: Any
        ) -> tuple[SupernetState, Any]:
            after = learn(state, archs, batch)
            averages = tuple(
                average(old, after.params, decay, state.step)
                for old, decay in zip(averages, decays, strict=True)
            )
            return after, averages

        start = setup.start(optimizer)
        averages = tuple(jax.tree.map(jnp.copy, start.params) for _ in decays)
        trainer = Trainer(setup)
        state, averages = trainer(make_step(setup, update), (start, averages), steps)
        found = {"": Trained(((state.params, state.stats),))}
        for decay, params in zip(decays, averages, strict=True):
            found[f"average {decay:g}"] = Trained(((params, state.stats),))
        return found, trainer.seconds

    return train
