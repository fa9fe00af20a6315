"""Few-shot: the space is split by one layer's op, each part gets its own supernet.

Zhao et al. 2021, "Few-shot neural architecture search": weights are shared by fewer
architectures. After a share of the training the weights are copied, an op of the layer
each, and each copy is trained with 1/K of what is left: other batches, the same course
of the learning rate, all paths through its op.
"""

from typing import Any

import jax
import jax.numpy as jnp

from experiments.recipes.recipe import Setup, Train, Trained, Trainer, make_step
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch


def train_with(layer: int, share: float) -> Train:
    """The recipe.

    Args:
      layer: whose op splits the space.
      share: of the training before that.
    """

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps, parts = setup.steps(), setup.supernet.space.num_ops[layer]
        common = round(share * steps)
        own = (steps - common) // parts

        def course(count: jax.Array) -> jax.Array:
            beyond = jnp.maximum(count - common, 0)
            return jnp.minimum(count, common) + beyond * parts

        optimizer = setup.optimizer(steps, course)
        learning = setup.learning(optimizer)

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, op: Any
        ) -> tuple[SupernetState, Any]:
            archs = archs.at[:, layer].set(jnp.where(op < 0, archs[:, layer], op))
            return learning.all_paths(state, archs, batch), op

        step_fn, trainer = make_step(setup, update), Trainer(setup)
        pair = (setup.start(optimizer), jnp.int32(-1))
        state, _ = trainer(step_fn, pair, common)
        weights = []
        for op in range(parts):
            copy = jax.tree.map(jnp.copy, state)
            copy = copy.replace(step=jnp.int32(common + op * own))
            part, _ = trainer(step_fn, (copy, jnp.int32(op)), own)
            weights.append((part.params, part.stats))
        return {"": Trained(tuple(weights), layer)}, trainer.seconds

    return train
