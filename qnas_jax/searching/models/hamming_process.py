"""A Gaussian process over archs: similar where many layers have the same op.

The covariance of two archs that differ in d layers is

    k(a, b) = rho^d,    rho = exp(-1 / length) in (0, 1),

an exponential kernel of the Hamming distance: each layer contributes a factor of 1 or
rho, so effects of layers, of pairs and of more layers at once are all in the prior, the
larger a set of layers the less. Targets are of mean 0 and variance about 1; several
targets of the same archs share all of this, as the covariance does not depend on them.

What is kept is the inverse R of the Cholesky factor of K + noise I over the rows of a
history. A generation more is some rows more,

    B = k R^T,    C C^T = k_new + noise I - B B^T,    R <- [R, 0;  -C^-1 B R, C^-1],

which takes N^2 P operations instead of N^3, and nothing that was there changes, so that
float32 is enough; the inverse of K itself, updated likewise, is not. Rows that do not
count stand in it with ones on the diagonal and no covariance.

Sources: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section
2.2; the kernel: Kondor & Lafferty, ICML 2002 (diffusion on Hamming graphs); for NAS:
Ru et al., ICLR 2021, compare kernels of graphs.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number


def correlations(archs: Array, others: Array, num_levels: int, rho: Number) -> Array:
    """Prior correlations of archs.

    Args:
      archs: int32 [C, L].
      others: int32 [N, L].
      num_levels: K_max.
      rho: [] factor for each layer that differs.

    Returns:
      float32 [C, N].
    """
    first, second = (_one_hot(each, num_levels) for each in (archs, others))
    equal = jnp.matmul(first, second.T, precision="highest")
    return jnp.exp(jnp.log(rho) * (archs.shape[1] - equal))


def _one_hot(archs: Array, num_levels: int) -> Array:
    return jax.nn.one_hot(archs, num_levels).reshape(len(archs), -1)


def add_rows(
    root: Array,
    between: Array,
    within: Array,
    known: Array,
    rows: Array,
    *,
    noise: Number,
) -> Array:
    """The root R after some rows more.

    Args:
      root: [N, N], with nothing but ones on the diagonal from the first new row on.
      between: [P, N], correlations of the new archs with the rows; zero for rows that
        do not count, the new ones among them.
      within: [P, P], correlations of the new archs.
      known: bool [P], which of them count.
      rows: int32 [P], their places, one behind the other.
      noise: [] variance of targets that the process does not explain, above 0.

    Returns:
      [N, N].
    """
    between = jnp.where(known[:, None], between, 0.0)
    shared = jnp.matmul(between, root.T, precision="highest")
    left = _covariance(within, known, noise)
    left -= jnp.matmul(shared, shared.T, precision="highest")
    own = _root(left)
    cross = jnp.matmul(shared, root, precision="highest")
    cross = -jnp.matmul(own, cross, precision="highest")
    return root.at[rows].set(cross).at[rows[:, None], rows[None, :]].set(own)


def root_of_rows(within: Array, known: Array, *, noise: Number) -> Array:
    """The root of all rows at once.

    Args:
      within: [N, N], their correlations.
      known: bool [N], which of them count.
      noise: see `add_rows`.

    Returns:
      [N, N].
    """
    return _root(_covariance(within, known, noise))


def _root(covariance: Array) -> Array:
    lower = jnp.linalg.cholesky(covariance)
    identity = jnp.eye(len(covariance))
    return jax.scipy.linalg.solve_triangular(lower, identity, lower=True)


def _covariance(within: Array, known: Array, noise: Number) -> Array:
    both = known[:, None] & known[None, :]
    diagonal = jnp.where(known, noise, 1.0)
    return jnp.where(both, within, 0.0) + jnp.diag(diagonal)


def posterior(root: Array, between: Array, targets: Array) -> tuple[Array, Array]:
    """What is known of archs that were not evaluated.

    Args:
      root: [N, N], R.
      between: [C, N], their correlations with the rows, zero where these do not count.
      targets: [M, N] of the rows.

    Returns:
      Means [C, M], and the deviations [C] that all targets share.
    """
    shared = jnp.matmul(between, root.T, precision="highest")
    variance = 1.0 - jnp.sum(shared * shared, axis=1)
    white = jnp.matmul(root, targets.T, precision="highest")
    means = jnp.matmul(shared, white, precision="highest")
    return means, jnp.sqrt(jnp.maximum(variance, 1e-6))
