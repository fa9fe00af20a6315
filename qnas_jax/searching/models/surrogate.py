"""Bayesian linear regression of scores on the ops of an arch and on pairs of them.

The model of a transformed score, with one indicator for each op of a layer and one for
each pair of ops of two layers:

    y(a) = c + sum_l u_l(a_l) + sum_{l<m} w_lm(a_l, a_m) + noise
    c ~ N(0, 1),  u ~ N(0, (1 - s) v / L),  w ~ N(0, s v / (L (L - 1) / 2)),
    noise ~ N(0, r),

so that every arch has the prior variance v, of which pairs have the share s. There are
54,096 weights for 21 layers of 16 ops, but never more than M evaluations; the exact
posterior is therefore taken in the space of evaluations: the covariance of two archs
depends only on the number of layers in which they agree, and a posterior sample is a
prior sample of the weights corrected by the data (Matheron's rule).

A sample with its sign turned is a quadratic cost Hamiltonian over K-level registers
(`optimise.problems.Levels`): what QAOA, Grover search and annealing minimise.

Sources: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), sections
2.1-2.2 and 5.4.1 (marginal likelihood); Wilson et al., Efficiently sampling functions
from Gaussian process posteriors, ICML 2020, equation 8 (Matheron's rule); Baptista &
Poloczek, Bayesian optimization of combinatorial structures, ICML 2018 (a quadratic
model with Thompson sampling).
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import cho_solve

from qnas_jax.optimise import Levels
from qnas_jax.options import option
from qnas_jax.searching.history import History, MemoryOptions, scored
from qnas_jax.searching.registers.ranks import normal_scores_among

SCALES = ("ranks", "standard")
"""What the regression sees: normal scores of the ranks, or standardised scores."""

_CONSTANT_VARIANCE = 1.0
_SMALLEST_SPREAD = 1e-6  # of scores, where all are equal


@dataclasses.dataclass(frozen=True)
class ModelOptions(MemoryOptions):
    """What a strategy models, and from when on."""

    initial: int = option(
        10, "finite scores before the model is used; archs are random until then", low=1
    )
    targets: str = option("ranks", "what is modelled of the scores", choices=SCALES)


@flax.struct.dataclass
class Prior:
    """Variances of an arch's score; each a positive [] number.

    Attributes:
      variance: [] v, of the score of an arch, in units of the transformed scores.
      pair_share: [] s in [0, 1], the share of it that pairs of layers have.
      noise: [] r, variance of what the model cannot express.
    """

    variance: Array | float = 1.5
    pair_share: Array | float = 0.33
    noise: Array | float = 0.03


@flax.struct.dataclass
class WeightPrior:
    """Variances of the model's weights; each a positive [] number.

    Attributes:
      unary: [] of each u_l(k).
      pairwise: [] of each w_lm(k, k').
      noise: [] r.
    """

    unary: Array | float
    pairwise: Array | float
    noise: Array | float


@flax.struct.dataclass
class Posterior:
    """What the evaluations say; rows without a finite score have no influence."""

    archs: Array  # [M, L] int32
    targets: Array  # [M] transformed scores, 0 where there is none
    known: Array  # [M] bool, rows with a finite score
    factor: Array  # [M, M] lower Cholesky factor of the targets' covariance
    prior: WeightPrior


def weight_prior(prior: Prior, num_layers: int) -> WeightPrior:
    """What the variance of a score, shared among its weights, leaves for each.

    Args:
      prior: fields of any one shape.
      num_layers: L.

    Returns:
      Fields of that shape.
    """
    pairs = max(num_layers * (num_layers - 1) // 2, 1)
    unary = (1.0 - prior.pair_share) * prior.variance / num_layers
    pairwise = prior.pair_share * prior.variance / pairs
    return WeightPrior(unary, pairwise, prior.noise)


def transform_scores(scores: Array, known: Array, scale: str) -> Array:
    """Turns scores into targets of mean 0 and variance about 1.

    Ranks are the better choice for accuracies: the archs that fail to learn lie many
    standard deviations below the others and would take up all of a linear model.

    Args:
      scores: float32 [M].
      known: bool [M], the rows that count.
      scale: `ranks` (normal scores of the mid-ranks: the quantile of (rank - 1/2) / n,
        as Hazen; equal scores get equal targets) or `standard`.

    Returns:
      float32 [M], zero where not known; all zero if only one row or value is known.
    """
    count = jnp.maximum(jnp.sum(known), 1)
    values = jnp.where(known, scores, 0.0)
    if scale == "ranks":
        kept = jnp.where(known, scores, -jnp.inf)
        return normal_scores_among(kept, kept)
    centred = jnp.where(known, values - jnp.sum(values) / count, 0.0)
    spread = jnp.sqrt(jnp.sum(jnp.square(centred)) / count)
    return centred / jnp.maximum(spread, _SMALLEST_SPREAD)


def covariance(archs: Array, others: Array, prior: WeightPrior) -> Array:
    """Prior covariance of noise-free scores.

    Two archs that agree in e layers share e unary and e (e - 1) / 2 pairwise weights.

    Args:
      archs: int [M, L].
      others: int [S, L].
      prior: the variances.

    Returns:
      float32 [M, S].
    """
    agree = jnp.sum(archs[:, None, :] == others[None, :, :], axis=-1)
    pairs = agree * (agree - 1) / 2
    return _CONSTANT_VARIANCE + prior.unary * agree + prior.pairwise * pairs


def fit(history: History, prior: WeightPrior, *, scale: str = "ranks") -> Posterior:
    """Conditions the model on all finite scores of a history.

    Args:
      history: M rows.
      prior: the variances.
      scale: one of `SCALES`.

    Returns:
      The exact posterior; the prior, if there is no finite score.
    """
    known = scored(history)
    both = known[:, None] & known[None, :]
    gram = jnp.where(both, covariance(history.archs, history.archs, prior), 0.0)
    own = jnp.where(known, prior.noise, 1.0)
    return Posterior(
        archs=history.archs,
        targets=transform_scores(history.scores, known, scale),
        known=known,
        factor=jnp.linalg.cholesky(gram + jnp.diag(own)),
        prior=prior,
    )


def log_marginal_likelihood(posterior: Posterior) -> Array:
    """Log density [] of the targets under the model, for the choice of a prior."""
    weights = cho_solve((posterior.factor, True), posterior.targets)
    fit_term = -0.5 * jnp.sum(posterior.targets * weights)
    volume = jnp.sum(jnp.log(jnp.diagonal(posterior.factor)))
    return fit_term - volume - 0.5 * jnp.sum(posterior.known) * np.log(2 * np.pi)


def likeliest_prior(
    history: History, priors: WeightPrior, *, scale: str = "ranks"
) -> WeightPrior:
    """Empirical Bayes: the prior of highest marginal likelihood.

    Args:
      history: M rows.
      priors: candidates, fields of shape [C].
      scale: one of `SCALES`.

    Returns:
      One of them, fields of shape [].
    """

    def likelihood(prior: WeightPrior) -> Array:
        return log_marginal_likelihood(fit(history, prior, scale=scale))

    best = jnp.argmax(jax.lax.map(likelihood, priors))
    return jax.tree.map(lambda field: field[best], priors)


def nearby_priors(prior: Prior) -> Prior:
    """Candidates: each variance as it is, smaller, and larger.

    Args:
      prior: fields of shape [].

    Returns:
      Fields of shape [27].
    """
    factors = np.meshgrid([0.5, 1.0, 2.0], [0.5, 1.0, 2.0], [0.1, 1.0, 10.0])
    variance, share, noise = (
        jnp.asarray(factor.reshape(-1), jnp.float32) for factor in factors
    )
    return Prior(
        variance=prior.variance * variance,
        pair_share=jnp.minimum(prior.pair_share * share, 1.0),
        noise=prior.noise * noise,
    )


def sample_hamiltonian(
    key: Array, posterior: Posterior, num_ops: tuple[int, ...]
) -> Levels:
    """Draws one posterior sample of all weights, as a cost.

    Args:
      key: consumed.
      posterior: of `fit`.
      num_ops: (K_1, ..., K_L).

    Returns:
      The cost -y(a) of the sample; its minimum is the arch that Thompson sampling
      proposes.
    """
    weights_key, noise_key = jax.random.split(key)
    drawn = _draw_weights(weights_key, posterior.prior, num_ops)
    noise = jax.random.normal(noise_key, posterior.targets.shape)
    seen = -drawn.cost(posterior.archs)
    return _corrected(posterior, drawn, seen + jnp.sqrt(posterior.prior.noise) * noise)


def mean_hamiltonian(posterior: Posterior, num_ops: tuple[int, ...]) -> Levels:
    """The posterior mean of all weights, as a cost: a sample without its chance.

    Args:
      posterior: of `fit`.
      num_ops: (K_1, ..., K_L).

    Returns:
      The cost -E[y(a)].
    """
    layers, most = len(num_ops), max(num_ops)
    nothing = Levels(
        unary=jnp.zeros((layers, most)),
        pairwise=jnp.zeros((layers, layers, most, most)),
        constant=jnp.float32(0.0),
        num_levels=num_ops,
    )
    return _corrected(posterior, nothing, jnp.zeros_like(posterior.targets))


def _draw_weights(key: Array, prior: WeightPrior, num_ops: tuple[int, ...]) -> Levels:
    layers, most = len(num_ops), max(num_ops)
    keys = jax.random.split(key, 3)
    pairs = jax.random.normal(keys[1], (layers, layers, most, most))
    return Levels(
        unary=jnp.sqrt(prior.unary) * jax.random.normal(keys[0], (layers, most)),
        pairwise=jnp.sqrt(prior.pairwise) * pairs * _above_diagonal(layers),
        constant=np.sqrt(_CONSTANT_VARIANCE) * jax.random.normal(keys[2]),
        num_levels=num_ops,
    )


def _corrected(posterior: Posterior, drawn: Levels, seen: Array) -> Levels:
    """Matheron's rule: adds prior covariance times the explained residual."""
    residuals = jnp.where(posterior.known, posterior.targets - seen, 0.0)
    weights = cho_solve((posterior.factor, True), residuals)
    layers, most = drawn.unary.shape
    prior = posterior.prior
    one_hot = jax.nn.one_hot(posterior.archs, most)
    flat = one_hot.reshape(len(weights), layers * most)
    pairs = (flat * weights[:, None]).T @ flat
    pairs = pairs.reshape(layers, most, layers, most).swapaxes(1, 2)
    alone = jnp.sum(one_hot * weights[:, None, None], axis=0)
    return Levels(
        unary=drawn.unary - prior.unary * alone,
        pairwise=drawn.pairwise - prior.pairwise * pairs * _above_diagonal(layers),
        constant=drawn.constant - _CONSTANT_VARIANCE * jnp.sum(weights),
        num_levels=drawn.num_levels,
    )


def _above_diagonal(num_layers: int) -> Array:
    """Ones for layers l < m, [L, L, 1, 1]."""
    ones = np.triu(np.ones((num_layers, num_layers), np.float32), k=1)
    return jnp.asarray(ones[:, :, None, None])
