"""Gaussian processes over archs of several similarities: each target has its likeliest.

Accuracy changes with combinations of ops, latency is nearly a sum over layers: one
correlation rho of archs that differ in one layer does not fit both (`hamming_process`;
the closer rho is to 1, the more of a target is a sum over layers). So there is a
process for each of several rho, and a target is predicted by the one under which what
was seen of it is likeliest, with the variance of the target's own that is likeliest:

    log p(t) = -n/2 log(s^2) + log det R + constant,    s^2 = |R t|^2 / n,

R the inverse of the Cholesky factor of K + noise I, noise relative to s^2.

Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section
5.4.1; the variance in closed form: Santner, Williams & Notz (2003), section 3.3.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number
from qnas_jax.searching.models.hamming_process import (
    add_rows,
    correlations,
    posterior,
    root_of_rows,
)


def empty_roots(count: int, capacity: int) -> Array:
    """The roots [S, N, N] of so many processes, of which no row is known."""
    return jnp.tile(jnp.eye(capacity)[None], (count, 1, 1))


def roots_of_rows(
    archs: Array, known: Array, rhos: Number, *, num_levels: int, noise: Number
) -> Array:
    """The roots given all rows at once.

    Args:
      archs: int32 [N, L].
      known: bool [N], which rows count.
      rhos: [S].
      num_levels: K_max.
      noise: see `add_rows`.

    Returns:
      [S, N, N].
    """

    def root(rho: Array) -> Array:
        within = correlations(archs, archs, num_levels, rho)
        return root_of_rows(within, known, noise=noise)

    return jax.vmap(root)(jnp.asarray(rhos))


def add_rows_to_all(
    roots: Array,
    rhos: Number,
    before: Array,
    known_before: Array,
    archs: Array,
    known: Array,
    rows: Array,
    *,
    num_levels: int,
    noise: Number,
) -> Array:
    """The roots after some rows more.

    Args:
      roots: [S, N, N].
      rhos: [S].
      before: int32 [N, L], the rows that there were.
      known_before: bool [N], which of them count.
      archs: int32 [P, L], the new rows.
      known: bool [P], which of these count.
      rows: int32 [P], their places, one behind the other.
      num_levels: K_max.
      noise: see `add_rows`.

    Returns:
      [S, N, N].
    """

    def add(root: Array, rho: Array) -> Array:
        of_pairs = functools.partial(correlations, num_levels=num_levels, rho=rho)
        between = jnp.where(known_before[None], of_pairs(archs, before), 0.0)
        within = of_pairs(archs, archs)
        return add_rows(root, between, within, known, rows, noise=noise)

    return jax.vmap(add)(roots, jnp.asarray(rhos))


def log_evidences(root: Array, targets: Array, known: Array) -> tuple[Array, Array]:
    """How likely targets are under a process.

    Args:
      root: [N, N], R.
      targets: [M, N], zero where rows do not count.
      known: bool [N], which do.

    Returns:
      log p(t) [M] up to a constant, -inf where it is not finite; s^2 [M].
    """
    count = jnp.maximum(jnp.sum(known), 1)
    white = jnp.matmul(targets, root.T, precision="highest")
    variances = jnp.maximum(jnp.sum(white * white, axis=1) / count, 1e-6)
    # Rows that do not count have ones on the diagonal.
    found = jnp.sum(jnp.log(jnp.diag(root))) - 0.5 * count * jnp.log(variances)
    return jnp.where(jnp.isfinite(found), found, -jnp.inf), variances


def predict(
    roots: Array,
    rhos: Number,
    rows: Array,
    known: Array,
    targets: Array,
    archs: Array,
    *,
    num_levels: int,
) -> tuple[Array, Array]:
    """What is known of archs that were not evaluated, each target by its own process.

    Args:
      roots: [S, N, N].
      rhos: [S].
      rows: int32 [N, L], what was evaluated.
      known: bool [N], which rows count.
      targets: [M, N] of the rows, zero where they do not count.
      archs: int32 [C, L], what is asked for.
      num_levels: K_max.

    Returns:
      Means and deviations, [C, M] both.
    """
    of_each = jax.vmap(log_evidences, in_axes=(0, None, None))
    evidences, variances = of_each(roots, targets, known)

    def of_target(target: Array, evidences: Array, variances: Array) -> Array:
        best = jnp.argmax(evidences)
        between = correlations(archs, rows, num_levels, jnp.asarray(rhos)[best])
        between = jnp.where(known[None], between, 0.0)
        means, deviations = posterior(roots[best], between, target[None])
        return jnp.stack([means[:, 0], deviations * jnp.sqrt(variances[best])])

    found = jax.vmap(of_target, in_axes=(0, 1, 1), out_axes=2)
    means, deviations = found(targets, evidences, variances)
    return means, deviations
