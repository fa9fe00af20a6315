"""Distillation: paths learn from the largest path, or from an average network.

In place (Yu & Huang 2019, "Universally slimmable networks"): the largest path joins
those of strict fairness in each step, first, and what it says is part of the targets of
the others (a fourth path, so fewer steps for as many path-images). From the average:
the largest path with averaged weights (`averaged.py`) says what the paths should learn;
it is a further pass forward in each step. The targets mix labels and teacher by halves.
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


def in_place(share: bool = True) -> Train:
    """The largest path beside the others.

    Args:
      share: whether they learn from it.
    """

    def train(setup: Setup) -> tuple[dict[str, Trained], float]:
        steps = setup.steps(setup.sampler.num_paths + 1)
        optimizer = setup.optimizer(steps)
        learning = setup.learning(optimizer)
        classes = setup.batches.task.num_outputs

        def update(
            state: SupernetState, archs: jax.Array, batch: Batch, extra: Any
        ) -> tuple[SupernetState, Any]:
            labels = jax.nn.one_hot(batch[1], classes)

            def teach(
                place: jax.Array, targets: jax.Array, outputs: jax.Array
            ) -> jax.Array:
                if not share:
                    return targets
                return jnp.where(place == 0, mixed(labels, outputs), targets)

            archs = jnp.concatenate([setup.largest[None], archs])
            return learn_together(
                learning, state, archs, batch, labels, teach=teach
            ), extra

        trainer = Trainer(setup)
        pair = (setup.start(optimizer), ())
        state, _ = trainer(make_step(setup, update), pair, steps)
        return {"": Trained(((state.params, state.stats),))}, trainer.seconds

    return train


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
