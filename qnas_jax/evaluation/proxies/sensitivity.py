"""Proxies from the gradient of the loss to the weights, and from the weights alone.

Sources: Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021, section
3.2 (grad_norm, snip, plain); Lee et al., SNIP: Single-shot network pruning based on
connection sensitivity, ICLR 2019, equation 5. As in their public code, only weights of
convolutions and linear layers count, batch normalisation uses the batch's statistics,
and the loss is the mean cross-entropy.
"""

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.subject import Subject


def snip(subject: Subject) -> jax.Array:
    """Sum over all weights of |w dL/dw|, a scalar >= 0."""
    return subject.weight_sums(
        jax.tree.map(
            lambda w, g: jnp.abs(w * g), subject.weights, subject.loss_gradient
        )
    ).sum()


def grad_norm(subject: Subject) -> jax.Array:
    """Sum over the layers of the Euclidean norm of dL/dw, a scalar >= 0."""
    return _sum_of_norms(subject, subject.loss_gradient)


def plain(subject: Subject) -> jax.Array:
    """Sum over all weights of w dL/dw, a scalar."""
    return subject.weight_sums(
        jax.tree.map(jnp.multiply, subject.weights, subject.loss_gradient)
    ).sum()


def l2_norm(subject: Subject) -> jax.Array:
    """Sum over the layers of the Euclidean norm of their weights, a scalar >= 0."""
    return _sum_of_norms(subject, subject.weights)


def _sum_of_norms(subject: Subject, values: object) -> jax.Array:
    return jnp.sqrt(subject.weight_sums(jax.tree.map(jnp.square, values))).sum()
