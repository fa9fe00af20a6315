"""Distillation in place: the largest path of a step teaches the other ones.

The largest network learns from the labels; what it says of the same batch, taken as a
constant, is a share of what the others learn. It is one more path of each step, so a
step costs more, and small networks need not find out alone what a large one knows.

Source: Yu & Huang, Universally slimmable networks and improved training techniques,
ICCV 2019, section 3.3; Yu et al., BigNAS, ECCV 2020. Differs from both: any sampler
draws the other paths, and labels keep a share of their targets.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qnas_jax.tasks import Task
from qnas_jax.training.paths import PathSampler, SamplerState


def with_largest(sampler: PathSampler, largest: np.ndarray) -> PathSampler:
    """Puts the largest path in front of those of each step.

    Args:
      sampler: draws the others.
      largest: int32 [L], the architecture that is trained in every step.

    Returns:
      A sampler of a path more; the same one if it begins with the largest already.
    """
    if sampler.largest_first:
        return sampler

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        archs, state = sampler.sample(order_key, key, state, share)
        return jnp.concatenate([jnp.asarray(largest)[None], archs]), state

    return PathSampler(sampler.num_paths + 1, sample, largest_first=True)


def taught_loss(
    task: Task,
    outputs: jax.Array,
    targets: jax.Array,
    teacher: jax.Array,
    share: jax.Array,
) -> jax.Array:
    """The loss of a path that learns from labels and from another network.

    Args:
      task: with the loss of labels; outputs are logits in the last axis.
      outputs: float [N, ..., C] of the path.
      targets: of the batch.
      teacher: float [N, ..., C], logits, no gradient goes into them.
      share: [], of the teacher, in [0, 1].

    Returns:
      float [], nats: (1 - share) loss of the labels + share cross-entropy to what the
      teacher says, the mean over N and all places (of running text also those behind
      its end, of which the labels' loss is 0).
    """
    said = jax.lax.stop_gradient(jax.nn.softmax(teacher))
    learnt = optax.softmax_cross_entropy(outputs, said).mean()
    return (1 - share) * task.loss(outputs, targets) + share * learnt


def shares_of_paths(num_paths: int, share: float) -> jax.Array:
    """The teacher's share in what each path learns, float32 [S]: the first has none."""
    return jnp.full((num_paths,), share, jnp.float32).at[0].set(0.0)
