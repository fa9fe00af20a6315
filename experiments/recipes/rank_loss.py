"""A loss of pairs, guided by costs: who has more multiply-adds should lose less.

Dong et al. 2022, "Prior-guided one-shot neural architecture search": of two paths of
one batch, that of more multiply-adds should have the smaller loss, hinge max(0, loss of
the larger - loss of the smaller), here with a weight that falls to 0 over the training.
Its gradient is a weighed sum of those that the paths have anyhow: it costs nothing.
"""

from typing import Any

import jax

from experiments.recipes.recipe import Setup, Train, Trained, Trainer, make_step
from experiments.recipes.several_paths import learn_together
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch


def pair_weights(losses: jax.Array, macs: jax.Array, weight: jax.Array) -> jax.Array:
    """Weights of the gradients of the sum of losses and hinges of all pairs.

    Args:
      losses: [S] of the paths.
      macs: [S].
      weight: of the hinges.

    Returns:
      [S]: 1, plus `weight` for each smaller path that loses less, minus it for each
      larger one that loses more.
    """
    larger = macs[:, None] > macs[None]
    wrong = larger & (losses[:, None] > losses[None])
    return 1.0 + weight * (wrong.sum(axis=1) - wrong.sum(axis=0))


def train_with(weight: float) -> Train:
    """The recipe with hinges of a weight at the first step."""

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps = setup.steps()
        optimizer = setup.optimizer(steps)
        learning = setup.learning(optimizer)
        classes = setup.batches.task.num_outputs

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, extra: Any
        ) -> tuple[SupernetState, Any]:
            macs, present = setup.macs(archs), weight * (1.0 - state.step / steps)
            state = learn_together(
                learning,
                state,
                archs,
                batch,
                jax.nn.one_hot(batch[1], classes),
                weigh=lambda losses: pair_weights(losses, macs, present),
            )
            return state, extra

        trainer = Trainer(setup)
        pair = (setup.start(optimizer), ())
        state, _ = trainer(make_step(setup, update), pair, steps)
        return {"": Trained(((state.params, state.stats),))}, trainer.seconds

    return train
