"""Distillation in place: the largest path of a step teaches the other ones.

The largest network learns from the labels; what it says of the same batch, taken as a
constant, is a share of what the others learn. It is one more path of each step, so a
step costs more, and small networks need not find out alone what a large one knows.

Source: Yu & Huang, Universally slimmable networks and improved training techniques,
ICCV 2019, section 3.3; Yu et al., BigNAS, ECCV 2020. Differs from both: any sampler
draws the other paths, and labels may keep a share of what these learn.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.tasks import Task
from qnas_jax.training.paths import PathSampler, SamplerState


def with_teacher(
    sampler: PathSampler, largest: np.ndarray, share: float
) -> PathSampler:
    """Puts the largest path in front of those of each step, as their teacher.

    Args:
      sampler: draws the others.
      largest: int32 [L], the architecture that is trained in every step.
      share: of the teacher in what the others learn, in (0, 1].

    Returns:
      A sampler of a path more; of as many if it begins with the largest already.
    """
    if sampler.largest_first:
        return dataclasses.replace(sampler, distillation=share)

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, pool: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        archs, state = sampler.sample(order_key, key, state, pool)
        return jnp.concatenate([jnp.asarray(largest)[None], archs]), state

    return PathSampler(
        sampler.num_paths + 1, sample, largest_first=True, distillation=share
    )


def taught_loss(
    task: Task,
    outputs: jax.Array,
    targets: jax.Array,
    teacher: jax.Array,
    share: jax.Array,
) -> jax.Array:
    """The loss of a path that learns from labels and from another network.

    Args:
      task: with both losses.
      outputs: float [N, ...] of the path.
      targets: [N, ...] of the batch.
      teacher: float [N, ...], outputs of the other; no gradient goes into them.
      share: [], of the teacher, in [0, 1].

    Returns:
      float [], nats: (1 - share) `task.loss` + share `task.distilled_loss`.
    """
    learnt = task.distilled_loss(outputs, targets, jax.lax.stop_gradient(teacher))
    return (1 - share) * task.loss(outputs, targets) + share * learnt


def shares_of_paths(num_paths: int, share: float) -> jax.Array:
    """The teacher's share in what each path learns, float32 [S]: the first has none."""
    return jnp.full((num_paths,), share, jnp.float32).at[0].set(0.0)
