"""Hyperband: brackets of successive halving that start at all fidelities in turn.

How low a fidelity can be trusted is not known before. With F fidelities and the factor
eta, the bracket s = F-1, ..., 0 starts at fidelity F-1-s with

    n_s = ceil(F / (s + 1) eta^s)   and has   floor(n_s eta^-i),  i = 0, ..., s

generations of P archs in its rungs; all brackets cost about the same where a fidelity
costs eta times as much as the one below. The last one is random search.

Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, Hyperband: a novel bandit-based
approach to hyperparameter optimization, JMLR 18 (2018), algorithm 1, s_max = F - 1.
Differs from the paper in: rungs in generations of P archs, as `successive_halving`.
"""

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.classical.successive_halving import (
    Bracket,
    BracketSearch,
    FidelityOptions,
    Rung,
)
from qnas_jax.searching.spec import StrategySpec


def hyperband(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: FidelityOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: fidelities and factor.

    Returns:
      The strategy; its state is `successive_halving.Rungs`.

    Raises:
      UserError: a rung of more than 2^20 archs.
    """
    del generations
    brackets = hyperband_brackets(options.num_fidelities, options.eta)
    return BracketSearch(num_ops, population, brackets)


def hyperband_brackets(num_fidelities: int, eta: int) -> tuple[Bracket, ...]:
    """The brackets of one round, from the most exploring to random search.

    Args:
      num_fidelities: F >= 1.
      eta: at least 2.

    Returns:
      F brackets; the last rung of each is at fidelity F - 1.
    """
    brackets = []
    for halvings in reversed(range(num_fidelities)):
        # Whole numbers only: a ceiling of floats may be one too high.
        first = -(-num_fidelities * eta**halvings // (halvings + 1))
        lowest = num_fidelities - 1 - halvings
        rungs = (Rung(lowest + i, first // eta**i) for i in range(halvings + 1))
        brackets.append(tuple(rungs))
    return tuple(brackets)


SPEC = StrategySpec(
    "hyperband",
    "Li et al. 2018",
    "successive halving that starts at each fidelity in turn",
    "evaluators with cheap fidelities of unknown worth",
    FidelityOptions,
    hyperband,
    needs_fidelities=True,
    population=9,
)
