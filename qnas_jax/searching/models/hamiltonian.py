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

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Strategy, number
from qnas_jax.searching.history import History, empty_history, record, scored
from qnas_jax.searching.models.minimisers import MinimiserOptions, make_minimiser
from qnas_jax.searching.models.surrogate import (
    ModelOptions,
    Posterior,
    Prior,
    WeightPrior,
    fit,
    likeliest_prior,
    mean_hamiltonian,
    nearby_priors,
    sample_hamiltonian,
    weight_prior,
)
from qnas_jax.searching.observation import (
    own_ops,
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.searching.spec import CIRCUITS_BY_OPTION, StrategySpec

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


class Hamiltonian(Strategy):
    """The hybrid loop; its state is the `History`.

    Its probabilities are estimated from at least 128 archs asked for with keys of their
    own: the exact ones of a posterior sample's minimum have no formula.
    """

    given: Prior
    prior: WeightPrior | None  # the same; None: the likeliest around it
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Finite scores before the model is used.
    initial: int = flax.struct.field(pytree_node=False)
    targets: str = flax.struct.field(pytree_node=False)  # one of `SCALES`
    draw: str = flax.struct.field(pytree_node=False)  # posterior, or mean
    # Whether evaluated archs are proposed again.
    repeats: bool = flax.struct.field(pytree_node=False)
    minimiser: MinimiserOptions = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> History:
        """Nothing is known."""
        del key
        return empty_history(self.capacity, self.num_layers)

    def ask(self, key: Array, state: History) -> Array:
        """Minima of samples int32 [P, L], random archs before there is a model."""
        keys = jax.random.split(key, self.population)
        enough = jnp.sum(scored(state)) >= min(self.initial, self.capacity)
        return jax.lax.cond(enough, self._guided, self._random, keys, state)

    def _random(self, keys: Array, state: History) -> Array:
        del state
        return random_archs(keys, self.num_ops)

    def _guided(self, keys: Array, state: History) -> Array:
        posterior = fit(state, self._prior_given(state), scale=self.targets)
        known = jnp.full_like(state.archs, -1) if self.repeats else state.archs
        free = jnp.full((self.population, self.num_layers), -1, jnp.int32)
        taken = jnp.concatenate([known, free])
        step = functools.partial(self._propose, posterior)
        return jax.lax.scan(step, taken, (jnp.arange(self.population), keys))[1]

    def _prior_given(self, history: History) -> WeightPrior:
        if self.prior is not None:
            return self.prior
        nearby = weight_prior(nearby_priors(self.given), self.num_layers)
        return likeliest_prior(history, nearby, scale=self.targets)

    def _propose(
        self, posterior: Posterior, taken: Array, keys: tuple[Array, Array]
    ) -> tuple[Array, Array]:
        """One arch; it takes a row of -1 at the end of `taken` if it may not repeat."""
        number, key = keys
        draw_key, minimise_key = jax.random.split(key)
        cost = (
            sample_hamiltonian(draw_key, posterior, self.num_ops)
            if self.draw == "posterior"
            else mean_hamiltonian(posterior, self.num_ops)
        )
        minimise = make_minimiser(self.num_ops, self.minimiser)
        arch = minimise(minimise_key, cost, taken)
        if not self.repeats:
            taken = taken.at[self.capacity + number].set(arch)
        return taken, arch

    def learn(self, state: History, archs: Array, scores: Array) -> History:
        """Remembers the generation, archs [P, L] and scores [P]."""
        return record(state, archs, scores)

    def probabilities(self, state: History) -> Array:
        """An estimate [L, K_max] from archs that are asked for."""
        return probabilities_by_asking(
            self.ask, state, self.num_ops, self.population, least=_PROBABILITY_ARCHS
        )


def hamiltonian(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: HamiltonianOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, posterior samples of one generation.
      generations: G, with P the size of the memory where options.memory is 0; the
        oldest evaluations give way in a longer search.
      options: see `HamiltonianOptions`.

    Returns:
      The strategy.

    Raises:
      UserError: a space too large for the optimiser.
    """
    own_ops(num_ops)  # Checks the space.
    given = Prior(options.prior_variance, options.pair_share, options.noise)
    fixed = jax.tree.map(number, weight_prior(given, len(num_ops)))
    minimiser = options.part(MinimiserOptions)
    make_minimiser(num_ops, minimiser)  # Checks the size of the space.
    return Hamiltonian(
        num_ops,
        population,
        given=jax.tree.map(number, given),
        prior=fixed if options.prior == "fixed" else None,
        capacity=options.capacity(population, generations),
        initial=options.initial,
        targets=options.targets,
        draw=options.draw,
        repeats=options.duplicates == "allow",
        minimiser=minimiser,
    )


SPEC = StrategySpec(
    "hamiltonian",
    "Patil; Baptista & Poloczek 2018",
    "fits a quadratic cost, minimises a Thompson sample of it: by looking at all "
    "archs, unless `optimiser` is qaoa or grover",
    "the fewest evaluations, on spaces of some ten thousand archs",
    HamiltonianOptions,
    hamiltonian,
    acts_by=CIRCUITS_BY_OPTION,
    grows=True,
)
