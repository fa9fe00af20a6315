"""Paths by the sandwich rule: the smallest, the largest and some between, together.

What holds for the extremes bounds what is between them, so each update trains both ends
of the space; the gradients of its paths are summed, as in strict fairness.

Source: Yu et al., BigNAS: Scaling up neural architecture search with big single-stage
models, ECCV 2020. There the smaller networks learn from the largest one; here from the
labels, unless `supernet.distillation` has a share for it.
"""

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.spaces import BuildableSpace, CostTable
from qnas_jax.training.paths import PathSampler, SamplerState, uniform_archs


def smallest_arch(space: BuildableSpace, costs: CostTable) -> np.ndarray:
    """The architecture of the fewest multiply-accumulates that passes values on.

    Args:
      space: its ops that give zeros are left out.
      costs: `macs` of every op.

    Returns:
      int32 [L], the cheapest op of each layer, the first of several.
    """
    chosen = []
    for macs, zeros in zip(costs.by_op["macs"], space.zeros, strict=True):
        passing = [op for op, zero in enumerate(zeros) if not zero]
        chosen.append(min(passing or range(len(zeros)), key=macs.__getitem__))
    return np.asarray(chosen, np.int32)


def sandwich(space: BuildableSpace, costs: CostTable, paths: int) -> PathSampler:
    """Builds the sampler.

    Args:
      space: the search space.
      costs: `macs` of every op.
      paths: uniform ones of each update, beside the smallest and the largest.

    Returns:
      The sampler, of `paths` + 2 paths: largest, smallest, the others.
    """
    ends = np.stack([costs.largest("macs"), smallest_arch(space, costs)])

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        del order_key, share
        others = uniform_archs(key, space.num_ops, paths)
        return jnp.concatenate([jnp.asarray(ends), others]), state

    return PathSampler(len(ends) + paths, sample, largest_first=True)
