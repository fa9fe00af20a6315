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
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.spec import StrategySpec

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


class BracketSearch(Strategy):
    """Runs brackets in turn, again and again; its state is `Rungs`.

    Raises:
      UserError: a rung of more than 2^20 archs.
    """

    brackets: tuple[Bracket, ...] = flax.struct.field(pytree_node=False)  # at least one

    def __post_init__(self) -> None:
        """Checks the size of the rungs."""
        super().__post_init__()
        if self._largest * self.population > LARGEST_RUNG:
            raise UserError(
                f"num_fidelities, eta: got a rung of {self._largest} generations of "
                f"{self.population} archs, expected at most {LARGEST_RUNG} archs; use "
                "fewer fidelities, a smaller eta or a smaller population"
            )

    @property
    def _largest(self) -> int:
        """Generations of the largest rung."""
        return max(rung.generations for bracket in self.brackets for rung in bracket)

    def _at(self, state: Rungs, column: str) -> Array:
        return jnp.asarray(_plan(self.brackets)[column])[state.generation]

    def init(self, key: Array) -> Rungs:
        """At the first rung, with random archs."""
        del key
        size = self._largest * self.population
        nothing = jnp.zeros((size, self.num_layers), jnp.int32)
        nobody = jnp.zeros(size, bool)
        scores = jnp.full(size, -jnp.inf, jnp.float32)
        return Rungs(nothing, nobody, nothing, scores, jnp.int32(0))

    def _candidates(self, state: Rungs) -> tuple[Array, Array]:
        first, size = self._at(state, "place") * self.population, self.population
        archs = jax.lax.dynamic_slice_in_dim(state.candidates, first, size)
        return archs, jax.lax.dynamic_slice_in_dim(state.chosen, first, size)

    def ask(self, key: Array, state: Rungs) -> Array:
        """The next archs of the rung, int32 [P, L]."""
        archs, chosen = self._candidates(state)
        keys = jax.random.split(key, self.population)
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(chosen[:, None], archs, strangers)

    def learn(self, state: Rungs, archs: Array, scores: Array) -> Rungs:
        """Goes on in the rung, or up to the next, with archs [P, L] and scores [P]."""
        first = self._at(state, "place") * self.population
        state = dataclasses.replace(
            state,
            archs=jax.lax.dynamic_update_slice_in_dim(state.archs, archs, first, 0),
            scores=jax.lax.dynamic_update_slice_in_dim(state.scores, scores, first, 0),
        )
        order = jnp.argsort(-state.scores)
        climbed = Rungs(
            candidates=state.archs[order],
            chosen=jnp.isfinite(state.scores[order]) & ~self._at(state, "top"),
            archs=state.archs,
            scores=jnp.full_like(state.scores, -jnp.inf),
            generation=state.generation,
        )
        last = self._at(state, "last")
        state = jax.tree.map(lambda a, b: jnp.where(last, a, b), climbed, state)
        following = (state.generation + 1) % len(_plan(self.brackets)["last"])
        return dataclasses.replace(state, generation=following)

    def probabilities(self, state: Rungs) -> Array:
        """Candidates are certain, others uniform, [L, K_max]."""
        uniform = uniform_ops(self.num_ops)
        archs, chosen = self._candidates(state)
        certain = jax.nn.one_hot(archs, uniform.shape[1])
        table = jnp.where(chosen[:, None, None], certain, jnp.asarray(uniform)[None])
        return table.mean(axis=0)

    def fidelities(self, state: Rungs) -> Array:
        """That of the rung, for all, int32 [P]."""
        return jnp.full(self.population, self._at(state, "fidelity"))


def successive_halving(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: FidelityOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, archs that reach the highest fidelity in a bracket.
      generations: nothing depends on it.
      options: fidelities and factor.

    Returns:
      The strategy.

    Raises:
      UserError: a rung of more than 2^20 archs.
    """
    del generations
    bracket = halving_bracket(options.num_fidelities, options.eta)
    return BracketSearch(num_ops, population, (bracket,))


def halving_bracket(num_fidelities: int, eta: int) -> Bracket:
    """The bracket from the lowest to the highest fidelity."""
    top = num_fidelities - 1
    return tuple(Rung(level, eta ** (top - level)) for level in range(num_fidelities))


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


SPEC = StrategySpec(
    "successive_halving",
    "Jamieson & Talwalkar 2016",
    "many archs at a low fidelity, the best at the next, up to the highest",
    "evaluators with cheap fidelities that rank archs well",
    FidelityOptions,
    successive_halving,
    needs_fidelities=True,
    population=9,
)
