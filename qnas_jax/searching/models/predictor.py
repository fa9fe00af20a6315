"""A neural predictor: an ensemble of small networks guesses which mutants are good.

After each population an ensemble of multilayer perceptrons (`ensemble`) is trained from
scratch on all evaluations so far. Mutants of the best archs are candidates; of each one
a score is drawn from the normal distribution with the mean and the spread of the
ensemble's predictions (independent Thompson sampling), and the P candidates with the
highest draws are asked for. Some random archs are candidates too.

Source: White, Neiswanger & Savani, BANANAS: Bayesian optimization with neural
architectures for neural architecture search, AAAI 2021 (arXiv:1910.11858), algorithm 1.
Differs from the paper in: one-hot ops instead of the path encoding, which needs to know
the graph of a cell; targets are ranks or standardised scores; two wide hidden layers
instead of ten narrow ones, and a fixed number of steps, so that a fit takes the same
time at the start and at the end; candidates are mutants of several good archs, with one
or two changed layers, and random archs, where the paper has the first with one changed
layer; without the random ones the search stays in the valley that it began in.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.history import History, among, empty_history, record, scored
from qnas_jax.searching.models.ensemble import (
    Ensemble,
    EnsembleSizes,
    initial_ensemble,
    predict,
    train_ensemble,
)
from qnas_jax.searching.models.surrogate import ModelOptions, transform_scores
from qnas_jax.searching.mutation import mutate
from qnas_jax.searching.observation import (
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.searching.spec import StrategySpec

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class CandidateCounts(Options):
    """What `predictor` asks its ensemble about."""

    candidates: int = option(
        100, "mutants that it chooses from, at least the population", low=1
    )
    random_candidates: int = option(300, "random archs beside the mutants", low=0)
    mutated_best: int = option(5, "best archs that it mutates", low=1)


@dataclasses.dataclass(frozen=True)
class PredictorOptions(ModelOptions, EnsembleSizes, CandidateCounts):
    """What `predictor` learns, and what it chooses from."""

    fit_learning_rate: float = option(0.01, "learning rate of the fits", above=0.0)


@flax.struct.dataclass
class Guess:
    """All evaluations, and what the ensemble learnt from them."""

    history: History
    ensemble: Ensemble
    seed: Array  # [] uint32, of the fits


class Predictor(Strategy):
    """Asks for what the ensemble thinks best; its state is a `Guess`.

    Its probabilities are estimated from at least 512 archs asked for with keys of
    their own.
    """

    learning_rate: Number
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Finite scores before the ensemble is used.
    initial: int = flax.struct.field(pytree_node=False)
    targets: str = flax.struct.field(pytree_node=False)  # one of `surrogate.SCALES`
    sizes: EnsembleSizes = flax.struct.field(pytree_node=False)
    counts: CandidateCounts = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> Guess:
        """Nothing is known; the weights are random."""
        fit_key, seed_key = jax.random.split(key)
        return Guess(
            history=empty_history(self.capacity, self.num_layers),
            ensemble=initial_ensemble(fit_key, self.num_ops, self.sizes),
            seed=jax.random.bits(seed_key),
        )

    def ask(self, key: Array, state: Guess) -> Array:
        """The candidates int32 [P, L] with the highest draws."""
        num_ops, population = self.num_ops, self.population
        mutant_key, random_key, noise_key, other_key = jax.random.split(key, 4)
        strangers = random_archs(jax.random.split(other_key, population), num_ops)
        random_keys = jax.random.split(random_key, self.counts.random_candidates)
        archs = jnp.concatenate(
            [
                mutants(mutant_key, state.history, num_ops, self.counts),
                random_archs(random_keys, num_ops),
            ]
        )
        free = ~among(archs, state.history.archs) & first_of_equals(archs)
        guesses = predict(state.ensemble, archs, num_ops)
        noise = jax.random.normal(noise_key, free.shape)
        drawn = guesses.mean(axis=0) + guesses.std(axis=0) * noise
        value, place = jax.lax.top_k(jnp.where(free, drawn, -jnp.inf), population)
        enough = jnp.sum(scored(state.history)) >= min(self.initial, self.capacity)
        guided = enough & jnp.isfinite(value)
        return jnp.where(guided[:, None], archs[place], strangers)

    def learn(self, state: Guess, archs: Array, scores: Array) -> Guess:
        """Trains a new ensemble on all evaluations, with archs [P, L], scores [P]."""
        history = record(state.history, archs, scores)
        known = scored(history)
        goals = transform_scores(history.scores, known, self.targets)
        key = jax.random.fold_in(jax.random.key(state.seed), history.count)
        ensemble = train_ensemble(
            key,
            history.archs,
            goals,
            known,
            self.num_ops,
            self.sizes,
            learning_rate=self.learning_rate,
        )
        return Guess(history, ensemble, state.seed)

    def probabilities(self, state: Guess) -> Array:
        """An estimate [L, K_max] from archs that are asked for."""
        return probabilities_by_asking(
            self.ask, state, self.num_ops, self.population, least=_PROBABILITY_ARCHS
        )


def predictor(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: PredictorOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: G, with P the size of the memory where options.memory is 0.
      options: the memory, the ensemble, and which candidates it judges.

    Returns:
      The strategy.

    Raises:
      UserError: fewer candidates than archs are asked for.
    """
    if options.candidates < population:
        raise UserError(
            f"candidates: got {options.candidates}, expected at least the population, "
            f"{population}"
        )
    return Predictor(
        num_ops,
        population,
        learning_rate=number(options.fit_learning_rate),
        capacity=options.capacity(population, generations),
        initial=options.initial,
        targets=options.targets,
        sizes=options.part(EnsembleSizes),
        counts=options.part(CandidateCounts),
    )


def mutants(
    key: Array, history: History, num_ops: tuple[int, ...], counts: CandidateCounts
) -> Array:
    """Archs near the best ones: one changed layer, or, every other time, two.

    Args:
      key: consumed.
      history: with at least one finite score, else the mutants have no meaning.
      num_ops: (K_1, ..., K_L).
      counts: how many, and of how many archs.

    Returns:
      int32 [C, L]; they may repeat, and be among the evaluated ones.
    """
    order = jnp.argsort(-history.scores)
    good = jnp.clip(jnp.sum(scored(history)), 1, counts.mutated_best)
    parents = history.archs[order[jnp.arange(counts.candidates) % good]]

    def mutant(key: Array, arch: Array) -> Array:
        first_key, second_key, whether_key = jax.random.split(key, 3)
        once = mutate(first_key, arch, num_ops)
        twice = mutate(second_key, once, num_ops)
        return jnp.where(jax.random.bernoulli(whether_key), twice, once)

    return jax.vmap(mutant)(jax.random.split(key, counts.candidates), parents)


def first_of_equals(archs: Array) -> Array:
    """Bool [C]: archs [C, L] that no earlier row equals."""
    equal = jnp.all(archs[:, None, :] == archs[None, :, :], axis=-1)
    return jnp.argmax(equal, axis=1) == jnp.arange(len(archs))


SPEC = StrategySpec(
    "predictor",
    "White et al. 2021",
    "an ensemble of small networks chooses among mutants of the best archs",
    "few evaluations, spaces too irregular for a quadratic model",
    PredictorOptions,
    predictor,
    grows=True,
)
