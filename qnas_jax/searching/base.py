"""What a strategy is: a value that proposes architectures and learns from their scores.

`ask` proposes a population, an evaluator scores it, `tell` learns from it; `loop` and
`many` run these in turn. A strategy is a pytree: its numbers (angles, rates, shares,
temperatures) are leaves, and what decides the form of its program (the space, sizes,
counts, rules) is static. So strategies that differ in numbers only share a compiled
program, and their numbers can be vmapped (`many.stack_strategies`).

A strategy may ask for cheaper evaluations first (successive halving): it then says
which fidelity each arch of a generation is to be evaluated at, and the evaluator takes
these as a third argument.
"""

import abc
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import chex
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.searching.observation import own_ops
from qnas_jax.value import Value

Number = Array | np.ndarray
"""A leaf of a strategy: float32, [] unless it says otherwise."""


def number(value: float) -> np.ndarray:
    """A leaf of a strategy, float32 []; what is derived from it is computed before."""
    return np.asarray(value, np.float32)


_PROGRAMS = ("init", "ask", "tell", "probabilities", "fidelities", "mutate")


class Strategy(Value, abc.ABC):
    """How to propose architectures and to learn from their scores.

    >>> import jax, qnas_jax as qnas
    >>> class Uniform(qnas.Strategy):
    ...     def init(self, key):
    ...         return ()
    ...     def ask(self, key, state):
    ...         shape = self.population, self.num_layers
    ...         return jax.random.randint(key, shape, 0, self.num_ops[0])
    ...     def learn(self, state, archs, scores):
    ...         return state
    ...     def probabilities(self, state):
    ...         shape = self.num_layers, self.num_ops[0]
    ...         return jax.numpy.full(shape, 1 / self.num_ops[0])
    >>> mine = Uniform(num_ops=(2, 2, 2), population=2)
    >>> space = [["a", "b"]] * 3
    >>> qnas.search(space, lambda arch: arch.count("b"), strategy=mine, budget=8).best
    ('b', 'b', 'b')

    All methods are pure, so that they run by themselves and under jit, scan and vmap.
    By themselves they are one compiled program each, shared by strategies of one form;
    under a transformation they are inlined.

    Attributes:
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      population: P, archs proposed in one generation.
      fidelities: `fidelities(state) -> int32 [P]`, the fidelity, 0 the cheapest, at
        which each arch of the next `ask` is to be evaluated; None: one fidelity only.

    Raises:
      UserError: a space or population of nothing.
    """

    num_ops: tuple[int, ...] = flax.struct.field(pytree_node=False)
    population: int = flax.struct.field(pytree_node=False)

    fidelities: ClassVar[Callable[..., Array] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Compiles the subclass's methods: op by op they would take seconds."""
        super().__init_subclass__(**kwargs)
        for name in _PROGRAMS:
            method = vars(cls).get(name)
            if method is not None and not getattr(method, "__isabstractmethod__", 0):
                setattr(cls, name, jax.jit(method, inline=True))

    def __post_init__(self) -> None:
        own_ops(self.num_ops)  # Checks the space.
        if self.population < 1:
            raise UserError(f"population: got {self.population}, expected at least 1")

    @property
    def num_layers(self) -> int:
        """L, the number of layers."""
        return len(self.num_ops)

    @abc.abstractmethod
    def init(self, key: Array) -> Any:
        """The state before any evaluation; the key is consumed."""

    @abc.abstractmethod
    def ask(self, key: Array, state: Any) -> Array:
        """Proposes archs, int32 [P, L]; the key is consumed, the state stays."""

    @abc.abstractmethod
    def learn(self, state: Any, archs: Array, scores: Array) -> Any:
        """The new state, from archs [P, L] and sanitised scores [P]; call `tell`."""

    @abc.abstractmethod
    def probabilities(self, state: Any) -> Array:
        """How likely `ask` is to draw each op.

        Returns:
          [L, K_max], the mean over the population; zero for ops that a layer lacks.
        """

    @functools.partial(jax.jit, inline=True)
    def tell(self, state: Any, archs: Array, scores: Array) -> Any:
        """Learns from one evaluated population.

        Args:
          state: what `init` or the previous `tell` returned.
          archs: int32 [P, L], row i belongs to individual i. They may differ from those
            asked for, for example after a repair.
          scores: float32 [P], maximised; non-finite ones count as -inf.

        Returns:
          The new state.
        """
        chex.assert_shape(archs, (self.population, self.num_layers))
        chex.assert_shape(scores, (self.population,))
        return self.learn(state, archs, sanitise(scores))


def sanitise(scores: Array) -> Array:
    """Scores as float32 [P], every non-finite one -inf, so that it cannot win."""
    scores = jnp.asarray(scores, jnp.float32)
    return jnp.where(jnp.isfinite(scores), scores, -jnp.inf)
