"""Zen-score: expressivity, as the reaction of the features to a small perturbation.

Source: Lin et al., Zen-NAS: A zero-shot NAS for high-performance image recognition,
ICCV 2021, definition 2 and algorithm 1.

Differs from the paper in: the mean magnitude of the difference, as in the public code,
not its Frobenius norm; residual connections stay; one batch of noise, as large as the
batch of images. From the public code: the batch's own variances instead of running
ones, and a normalisation of a constant counts nothing.
"""

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.subject import Subject

_STEP = 0.01  # of the perturbation, as in the paper


def zen(subject: Subject) -> jax.Array:
    """Log E|f(x) - f(x + 0.01 e)| + sum over the normalisations of log sqrt(variance).

    Weights, images and perturbation are normal(0, 1); f are the features before the
    mean over the pixels.

    Args:
      subject: what is measured; with `normal_weights` and `noise`.

    Returns:
      A scalar; -inf if the features do not react.
    """
    assert subject.noise is not None  # `PROXIES` says that both are needed.
    assert subject.normal_weights is not None
    start, step = subject.noise
    passed, moved = (
        subject.network.run(subject.normal_weights, subject.arch, images)
        for images in (start, start + _STEP * step)
    )
    difference = jnp.abs(passed.features - moved.features).sum() / len(start)
    return jnp.log(difference) + passed.log_spread
