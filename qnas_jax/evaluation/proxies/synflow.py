"""Synaptic flow: what one image of ones pushes through the absolute weights.

Source: Tanaka et al., Pruning neural networks without any data by iteratively
conserving synaptic flow, NeurIPS 2020, equation 2, summed over all weights as in
Abdelfattah et al. 2021. Batch normalisation is left out, as in the public code.

Differs from the paper in: the logarithm of the sum is returned. The sum itself grows
exponentially with depth and leaves the range of float32 (the public code computes it in
float64); the network divides its values by constants on the way and reports them.
"""

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.network import Weights
from qnas_jax.evaluation.proxies.subject import Subject


def synflow(subject: Subject) -> jax.Array:
    """Log of the sum over all weights of |w| dR/d|w|; R is the sum of the logits.

    Args:
      subject: what is measured.

    Returns:
      A scalar; -inf if nothing reaches the logits.
    """
    magnitudes = jax.tree.map(jnp.abs, subject.weights)
    ones = jnp.ones((1, *subject.images.shape[1:]))

    def flow(weights: Weights) -> tuple[jax.Array, jax.Array]:
        passed = subject.network.run(weights, subject.arch, ones, normalised=False)
        return passed.logits.sum(), passed.log_scale

    gradient, log_scale = jax.grad(flow, has_aux=True)(magnitudes)
    sums = subject.weight_sums(jax.tree.map(jnp.multiply, magnitudes, gradient))
    return jnp.log(sums.sum()) + log_scale
