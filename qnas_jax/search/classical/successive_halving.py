"""Successive halving: many archs cheaply, the best share of them at the next fidelity.

A bracket is a list of rungs. Its first rung evaluates random archs at a low fidelity,
each further rung the best of the one before at the next fidelity. With F fidelities and
the factor eta the rungs have, in generations of P archs,

    fidelity          0           1                F - 1
    generations   eta^(F-1)   eta^(F-2)   ...        1

so P archs reach the highest fidelity. After the last rung a new bracket begins.

Source: Jamieson & Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization, AISTATS 2016, algorithm 1, in the form of Li et al., JMLR 18 (2018).
Differs from the papers in: a rung is counted in generations of P archs, which compete
with each other, instead of in archs; so shapes are fixed and no rung needs filling up.
Brackets follow each other without end. Places whose arch failed in the rung before are
taken by random archs.
"""

import dataclasses
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import random_archs, uniform_ops
from qnas_jax.search.spec import StrategySpec

LARGEST_RUNG = 2**20
"""Archs of a rung, at most."""


@dataclasses.dataclass(frozen=True)
class FidelityOptions(Options):
    """The fidelities of `successive_halving` and `hyperband`."""

    num_fidelities: int = option(2, "fidelities that the evaluator has", low=1)
    eta: int = option(
        3, "archs of a rung for each one that goes on to the next fidelity", low=2
    )


class Rung(NamedTuple):
    """A part of a bracket.

    Attributes:
      fidelity: of its evaluations, 0 the cheapest.
      generations: how many it takes, not more than those of the rung before.
    """

    fidelity: int
    generations: int


Bracket = tuple[Rung, ...]
"""The rungs of a bracket; the first evaluates random archs."""


@flax.struct.dataclass
class Rungs:
    """The present rung; M is the size of the largest one."""

    candidates: Array  # [M, L] int32, archs to evaluate in this rung, best first
    chosen: Array  # [M] bool, False: a random arch instead
    archs: Array  # [M, L] int32, those evaluated in this rung
    scores: Array  # [M] float32, -inf where none was evaluated yet
    generation: Array  # [] int32, within the brackets


def successive_halving(
    num_ops: tuple[int, ...], *, population: int, options: FidelityOptions
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, archs that reach the highest fidelity in a bracket.
      options: fidelities and factor.

    Returns:
      The strategy; its state is `Rungs`.

    Raises:
      UserError: a rung of more than 2^20 archs.
    """
    bracket = halving_bracket(options.num_fidelities, options.eta)
    return run_brackets(num_ops, population, (bracket,))


def halving_bracket(num_fidelities: int, eta: int) -> Bracket:
    """The bracket from the lowest to the highest fidelity."""
    top = num_fidelities - 1
    return tuple(Rung(level, eta ** (top - level)) for level in range(num_fidelities))


def run_brackets(
    num_ops: tuple[int, ...], population: int, brackets: tuple[Bracket, ...]
) -> Strategy:
    """Makes the strategy that runs brackets in turn, again and again.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      brackets: at least one.

    Returns:
      The strategy; its state is `Rungs`.

    Raises:
      UserError: a rung of more than 2^20 archs.
    """
    uniform = uniform_ops(num_ops)
    largest = max(rung.generations for bracket in brackets for rung in bracket)
    if largest * population > LARGEST_RUNG:
        raise UserError(
            f"num_fidelities, eta: got a rung of {largest} generations of {population} "
            f"archs, expected at most {LARGEST_RUNG} archs; use fewer fidelities, a "
            "smaller eta or a smaller population"
        )
    plan = _plan(brackets)

    def at(state: Rungs, column: str) -> Array:
        return jnp.asarray(plan[column])[state.generation]

    def init(key: Array) -> Rungs:
        del key
        nothing = jnp.zeros((largest * population, len(num_ops)), jnp.int32)
        nobody = jnp.zeros(len(nothing), bool)
        scores = jnp.full(len(nothing), -jnp.inf, jnp.float32)
        return Rungs(nothing, nobody, nothing, scores, jnp.int32(0))

    def candidates(state: Rungs) -> tuple[Array, Array]:
        first = at(state, "place") * population
        archs = jax.lax.dynamic_slice_in_dim(state.candidates, first, population)
        return archs, jax.lax.dynamic_slice_in_dim(state.chosen, first, population)

    def ask(key: Array, state: Rungs) -> Array:
        archs, chosen = candidates(state)
        keys = jax.random.split(key, population)
        strangers = random_archs(keys, num_ops)
        return jnp.where(chosen[:, None], archs, strangers)

    def learn(state: Rungs, archs: Array, scores: Array) -> Rungs:
        first = at(state, "place") * population
        state = dataclasses.replace(
            state,
            archs=jax.lax.dynamic_update_slice_in_dim(state.archs, archs, first, 0),
            scores=jax.lax.dynamic_update_slice_in_dim(state.scores, scores, first, 0),
        )
        order = jnp.argsort(-state.scores)
        climbed = Rungs(
            candidates=state.archs[order],
            chosen=jnp.isfinite(state.scores[order]) & ~at(state, "top"),
            archs=state.archs,
            scores=jnp.full_like(state.scores, -jnp.inf),
            generation=state.generation,
        )
        last = at(state, "last")
        state = jax.tree.map(lambda a, b: jnp.where(last, a, b), climbed, state)
        following = (state.generation + 1) % len(plan["last"])
        return dataclasses.replace(state, generation=following)

    def probabilities(state: Rungs) -> Array:
        archs, chosen = candidates(state)
        certain = jax.nn.one_hot(archs, uniform.shape[1])
        table = jnp.where(chosen[:, None, None], certain, jnp.asarray(uniform)[None])
        return table.mean(axis=0)

    def fidelities(state: Rungs) -> Array:
        return jnp.full(population, at(state, "fidelity"))

    return Strategy(num_ops, population, init, ask, learn, probabilities, fidelities)


def _plan(brackets: tuple[Bracket, ...]) -> dict[str, np.ndarray]:
    """What each generation is: a row of arrays by column.

    fidelity; place, its number within the rung; last, whether it ends the rung; top,
    whether the rung ends the bracket.
    """
    rows = [
        (rung.fidelity, place, place == rung.generations - 1, rung is bracket[-1])
        for bracket in brackets
        for rung in bracket
        for place in range(rung.generations)
    ]
    fidelity, place, last, top = zip(*rows, strict=True)
    return {
        "fidelity": np.array(fidelity, np.int32),
        "place": np.array(place, np.int32),
        "last": np.array(last),
        "top": np.array(top),
    }


def _make(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: FidelityOptions,
) -> Strategy:
    del generations
    return successive_halving(num_ops, population=population, options=options)


SPEC = StrategySpec(
    "successive_halving",
    "Jamieson & Talwalkar 2016",
    "many archs at a low fidelity, the best at the next, up to the highest",
    "evaluators with cheap fidelities that rank archs well",
    FidelityOptions,
    _make,
    needs_fidelities=True,
)
