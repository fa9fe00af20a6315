"""The hybrid loop of Q-NAS: fit a cost Hamiltonian, minimise it, observe, evaluate.

After each population a quadratic cost over the layers' registers is fitted to all
evaluations so far (`surrogate`). For each arch wanted, one sample is drawn from its
posterior (Thompson sampling), and a quantum or classical optimiser looks for the
sample's minimum (`minimisers`). What is uncertain is tried now and then, what is known
to be bad is not: the samples themselves balance exploration and exploitation.

Sources: Patil, "Quantum-enhanced neural architecture search" (the hybrid loop and the
cost Hamiltonian H_C over architectures); Thompson, Biometrika 25 (1933); Baptista &
Poloczek, ICML 2018 (quadratic surrogate, minimised by annealing).
Differs from Q-NAS in: H_C is fitted instead of given, which the text leaves open.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.search.base import Strategy
from qnas_jax.search.history import History, empty_history, record, scored
from qnas_jax.search.models.minimisers import MinimiserOptions, make_minimiser
from qnas_jax.search.models.surrogate import (
    ModelOptions,
    Posterior,
    Prior,
    fit,
    likeliest_prior,
    mean_hamiltonian,
    nearby_priors,
    sample_hamiltonian,
)
from qnas_jax.search.observation import (
    own_ops,
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.search.spec import StrategySpec

_PROBABILITY_ARCHS = 128
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class HamiltonianOptions(ModelOptions, MinimiserOptions):
    """How `hamiltonian` models scores, and what it does with the model."""

    prior: str = option(
        "fixed",
        "variances: as below, or the likeliest around them (empirical Bayes)",
        choices=("fixed", "likeliest"),
    )
    prior_variance: float = option(
        1.5, "variance of an arch's score, in units of the scores' spread", above=0.0
    )
    pair_share: float = option(
        0.33, "share of it that pairs of layers have", low=0.0, high=1.0
    )
    noise: float = option(0.03, "variance that the model leaves unexplained", above=0.0)
    draw: str = option(
        "posterior",
        "cost Hamiltonian: a Thompson sample, or the mean of the posterior",
        choices=("posterior", "mean"),
    )
    duplicates: str = option(
        "skip", "whether evaluated archs are proposed again", choices=("skip", "allow")
    )


def hamiltonian(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: HamiltonianOptions,
) -> Strategy:
    """Makes the strategy.

    Its probabilities are estimated from at least 128 archs asked for with keys of their
    own: the exact ones of a posterior sample's minimum have no formula.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, posterior samples of one generation.
      generations: G, with P the size of the memory where options.memory is 0; the
        oldest evaluations give way in a longer search.
      options: see `HamiltonianOptions`.

    Returns:
      The strategy; its state is the `History`.

    Raises:
      UserError: a space too large for the optimiser.
    """
    own_ops(num_ops)  # Checks the space.
    minimise = make_minimiser(num_ops, options)
    capacity = options.capacity(population, generations)

    def propose(posterior: Posterior, taken: Array, keys: Array) -> tuple[Array, Array]:
        """One arch; it takes a row of -1 at the end of `taken` if it may not repeat."""
        number, key = keys
        draw_key, minimise_key = jax.random.split(key)
        cost = (
            sample_hamiltonian(draw_key, posterior, num_ops)
            if options.draw == "posterior"
            else mean_hamiltonian(posterior, num_ops)
        )
        arch = minimise(minimise_key, cost, taken)
        if options.duplicates == "skip":
            taken = taken.at[capacity + number].set(arch)
        return taken, arch

    def ask(key: Array, state: History) -> Array:
        keys = jax.random.split(key, population)

        def guided() -> Array:
            posterior = fit(state, _prior(state, options), scale=options.targets)
            skip = options.duplicates == "skip"
            known = state.archs if skip else jnp.full_like(state.archs, -1)
            free = jnp.full((population, len(num_ops)), -1, jnp.int32)
            taken = jnp.concatenate([known, free])
            step = functools.partial(propose, posterior)
            return jax.lax.scan(step, taken, (jnp.arange(population), keys))[1]

        def random() -> Array:
            return random_archs(keys, num_ops)

        enough = jnp.sum(scored(state)) >= min(options.initial, capacity)
        return jax.lax.cond(enough, guided, random)

    probabilities = probabilities_by_asking(
        ask, num_ops, population, least=_PROBABILITY_ARCHS
    )
    return Strategy(
        num_ops,
        population,
        init=lambda key: empty_history(capacity, len(num_ops)),
        ask=ask,
        learn=record,
        probabilities=probabilities,
    )


def _prior(history: History, options: HamiltonianOptions) -> Prior:
    fixed = Prior(options.prior_variance, options.pair_share, options.noise)
    if options.prior == "fixed":
        return fixed
    return likeliest_prior(history, nearby_priors(fixed), scale=options.targets)


SPEC = StrategySpec(
    "hamiltonian",
    "Patil; Baptista & Poloczek 2018",
    "fits a quadratic cost Hamiltonian, minimises a Thompson sample of it",
    "the fewest evaluations, on spaces of some ten thousand archs",
    HamiltonianOptions,
    hamiltonian,
)
