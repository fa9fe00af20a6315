"""Distillation from an average network.

The largest path with averaged weights (`averaged.py`) says what the paths should learn;
it is a further pass forward in each step. The targets mix labels and teacher by halves.
(From the largest path as it is: the option `supernet.distillation`.)
"""

from typing import Any

import jax
import jax.numpy as jnp

from experiments.recipes.averaged import average
from experiments.recipes.recipe import Setup, Train, Trained, Trainer, make_step
from experiments.recipes.several_paths import learn_together
from qnas_jax.nets import take_path
from qnas_jax.training import SupernetState
from qnas_jax.training.path_learning import Batch

_SHARE = 0.5  # of the teacher in the targets


def mixed(labels: jax.Array, outputs: jax.Array) -> jax.Array:
    """Half of the labels, one-hot [N, C], half of what a teacher's logits say."""
    said = jax.lax.stop_gradient(jax.nn.softmax(outputs))
    return (1 - _SHARE) * labels + _SHARE * said


def from_average(decay: float) -> Train:
    """The largest path of the averaged weights teaches; the last ones are scored."""

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps = setup.steps()
        optimizer = setup.optimizer(steps)
        learning = setup.learning(optimizer)
        classes = setup.batches.task.num_outputs

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, teacher: Any
        ) -> tuple[SupernetState, Any]:
            outputs, _ = setup.supernet.apply(
                take_path(teacher, setup.largest),
                take_path(state.stats, setup.largest),
                setup.largest,
                batch[0],
                mode="batch",
            )
            targets = mixed(jax.nn.one_hot(batch[1], classes), outputs)
            after = learn_together(learning, state, archs, batch, targets)
            return after, average(teacher, after.params, decay, state.step)

        start = setup.start(optimizer)
        pair = (start, jax.tree.map(jnp.copy, start.params))
        trainer = Trainer(setup)
        state, teacher = trainer(make_step(setup, update), pair, steps)
        found = {
            "": Trained(((state.params, state.stats),)),
            "average": Trained(((teacher, state.stats),)),
        }
        return found, trainer.seconds

    return train
