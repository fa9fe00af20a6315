"""Jacobian covariance: how differently the network reacts to different images.

Source: Mellor et al., Neural architecture search without training, first version
(arXiv 2006.04647v1), and Abdelfattah et al. 2021, section 3.2.
"""

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.subject import Subject

_OFFSET = 1e-5  # of the eigenvalues, as in the public code


def jacob_cov(subject: Subject) -> jax.Array:
    """-sum(log(v + k) + 1 / (v + k)) over the eigenvalues v of the correlation.

    Args:
      subject: what is measured.

    Returns:
      A scalar <= -N: near -N if no two images have correlated gradients. A network that
      does not react to its images counts as fully correlated.
    """
    rows = subject.image_gradient.reshape(len(subject.images), -1)
    eigenvalues = jnp.linalg.eigvalsh(correlation(rows))
    shifted = jnp.maximum(eigenvalues, 0.0) + _OFFSET
    return -jnp.sum(jnp.log(shifted) + 1.0 / shifted)


def correlation(rows: jax.Array) -> jax.Array:
    """Correlation coefficients between rows.

    Args:
      rows: float [N, D].

    Returns:
      float [N, N] in [-1, 1]; 1 where a row is constant.
    """
    centred = rows - rows.mean(axis=1, keepdims=True)
    norms = jnp.linalg.norm(centred, axis=1, keepdims=True)
    varies = norms > 0
    unit = centred / jnp.where(varies, norms, 1.0)
    return jnp.where(varies & varies.T, unit @ unit.T, 1.0)
