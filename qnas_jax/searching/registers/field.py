"""A one-body field over K-level registers, learnt from all evaluations.

The model of an arch's score, as normal scores of ranks, is a sum over its layers:

    y(a) = sum_l u_l(a_l) + noise,    u_l(k) ~ N(0, v),    noise ~ N(0, r).

With one row x_i of L K indicators for each evaluation, the posterior of u is N(m, V):

    V = (X^T X / r + I / v)^-1,    m = V X^T y / r.

V does not depend on the scores, of which only the ranks are known and change all the
time. A root S with V = S S^T is kept, and one more evaluation is a product of rank one:

    f = S^T x,    c = f.f + r,    S <- S - S f f^T / (c + sqrt(c r)),

so that L K = 336 effects cost 336^2 operations an evaluation and no factorisation.
Evaluations that were forgotten have to leave V as they leave m; where there are such,
S is made anew from the rows that are remembered (`root_of_evaluations`), since taking
rows out of a root in float32 adds up errors. The field is what a product of
distributions can follow; near one arch it is the slope of the score, whatever pairs of
layers do.

Sources: Bishop, Pattern Recognition and Machine Learning (2006), section 3.3.1; Potter
(1963), the square-root form of the update: Bierman, Factorization Methods for Discrete
Sequential Estimation (1977), section II.3.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number


def prior_root(num_layers: int, num_levels: int, *, variance: Number) -> Array:
    """The root S of the prior covariance.

    Args:
      num_layers: L.
      num_levels: K_max.
      variance: [] v, above 0.

    Returns:
      float32 [L, K_max, L K_max]; the first two axes are the effects.
    """
    size = num_layers * num_levels
    root = jnp.sqrt(jnp.float32(variance)) * jnp.eye(size)
    return root.reshape(num_layers, num_levels, size)


def add_evaluation(root: Array, arch: Array, known: Array, *, noise: Number) -> Array:
    """Conditions the covariance on one evaluation.

    Args:
      root: [L, K_max, L K_max].
      arch: int32 [L].
      known: [] bool, whether it has a score; if not, nothing changes.
      noise: [] r, above 0.

    Returns:
      The new root, [L, K_max, L K_max].
    """
    layers = jnp.arange(root.shape[0])
    inner = jnp.where(known, jnp.sum(root[layers, arch], axis=0), 0.0)
    total = jnp.sum(jnp.square(inner)) + noise
    scale = 1.0 / (total + jnp.sqrt(total * noise))
    outer = jnp.matmul(root, inner, precision="highest")
    return root - scale * outer[:, :, None] * inner[None, None, :]


def add_evaluations(root: Array, archs: Array, known: Array, *, noise: Number) -> Array:
    """Conditions the covariance on several evaluations, one after the other.

    Args:
      root: [L, K_max, L K_max].
      archs: int32 [P, L].
      known: bool [P], see `add_evaluation`.
      noise: [] r, above 0.

    Returns:
      The new root, [L, K_max, L K_max].
    """

    def add(root: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        return add_evaluation(root, *row, noise=noise), None

    return jax.lax.scan(add, root, (archs, known))[0]


def root_of_evaluations(
    archs: Array, known: Array, num_levels: int, *, variance: Number, noise: Number
) -> Array:
    """A root of the covariance given these evaluations and no others.

    Args:
      archs: int32 [M, L].
      known: bool [M], see `add_evaluation`.
      num_levels: K_max.
      variance: [] v, above 0.
      noise: [] r, above 0.

    Returns:
      float32 [L, K_max, L K_max]; not the root that `add_evaluations` comes to, but one
      of the same covariance.
    """
    count, num_layers = archs.shape
    size = num_layers * num_levels
    rows = jax.nn.one_hot(archs, num_levels).reshape(count, size)
    rows = jnp.where(known[:, None], rows, 0.0)
    counts = jnp.matmul(rows.T, rows, precision="highest")
    identity = jnp.eye(size)
    lower = jnp.linalg.cholesky(counts / noise + identity / variance)
    # V = (C C^T)^-1, so that C^-T is a root of it.
    root = jax.scipy.linalg.solve_triangular(lower, identity, trans=1, lower=True)
    return root.reshape(num_layers, num_levels, size)


def field_mean(root: Array, archs: Array, targets: Array, *, noise: Number) -> Array:
    """The posterior mean of the effects.

    Args:
      root: [L, K_max, L K_max], conditioned on the evaluations.
      archs: int32 [M, L].
      targets: [M], y; zero for rows that do not count.
      noise: [] r.

    Returns:
      [L, K_max].
    """
    one_hot = jax.nn.one_hot(archs, root.shape[1])
    summed = jnp.einsum("m,mlk->lk", targets, one_hot, precision="highest")
    inner = jnp.einsum("lk,lkn->n", summed, root, precision="highest")
    return jnp.matmul(root, inner, precision="highest") / noise


def sample_fields(key: Array, mean: Array, root: Array, count: int) -> Array:
    """Draws fields from the posterior (Thompson sampling): m + S z, z standard normal.

    Args:
      key: consumed.
      mean: [L, K_max].
      root: [L, K_max, L K_max].
      count: P.

    Returns:
      [P, L, K_max], in standard deviations of the scores.
    """
    normal = jax.random.normal(key, (root.shape[-1], count))
    deviations = jnp.matmul(root, normal, precision="highest")
    return mean[None] + jnp.moveaxis(deviations, -1, 0)
