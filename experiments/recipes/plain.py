"""Training as the package does it: what a recipe changes are options alone."""

from typing import Any

import jax

from experiments.recipes.recipe import Setup, Trained, Trainer, make_step
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch


def train(setup: Setup) -> tuple[dict[str, Trained], float]:
    """Trains; the last weights are scored."""
    steps = setup.steps()
    optimizer = setup.optimizer(steps)
    learning = setup.learning(optimizer)
    several = setup.sampler.num_paths > 1
    learn = learning.all_paths if several else learning.one_path

    def update(
        state: SupernetState, archs: jax.Array, batch: Batch, extra: Any
    ) -> tuple[SupernetState, Any]:
        return learn(state, archs, batch), extra

    trainer = Trainer(setup)
    state, _ = trainer(make_step(setup, update), (setup.start(optimizer), ()), steps)
    return {"": Trained(((state.params, state.stats),))}, trainer.seconds
