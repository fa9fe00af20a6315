"""Minimisation of a function of angles, as one `lax.scan`: optax or SPSA.

SPSA: Spall, "Implementation of the simultaneous perturbation algorithm for stochastic
optimization", IEEE Trans. Aerosp. Electron. Syst. 34 (1998): two values a step, with
gains a / (k + 1 + A)^0.602 and perturbations c / (k + 1)^0.101, A a tenth of all steps.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.flatten_util
import jax.numpy as jnp
import optax
from jax import Array, lax

from qnas_jax.optimise.result import LARGEST_COUNT
from qnas_jax.options import Options, option

Objective = Callable[[Any], Array]


@dataclasses.dataclass(frozen=True)
class DescentOptions(Options):
    """How angles are optimised."""

    optimizer: str = option(
        "adam", "what moves the angles", choices=("adam", "lbfgs", "spsa")
    )
    steps: int = option(
        100,
        "steps, of each stage if there are several; 0: angles as they are",
        low=0,
        high=LARGEST_COUNT,
    )
    learning_rate: float = option(
        0.05, "of adam; first gain of spsa; lbfgs searches along a line", above=0.0
    )
    perturbation: float = option(0.1, "first perturbation of spsa, radians", above=0.0)


class Minimum(NamedTuple):
    """Outcome of a minimisation.

    Attributes:
      params: the best parameters that were seen.
      value: [] the objective there (for SPSA the mean of its two values).
      trace: [T] the objective before each step; of no steps the value.
    """

    params: Any
    value: Array
    trace: Array


def minimise(
    objective: Objective,
    start: Any,
    key: Array,
    options: DescentOptions,
    optimizer: optax.GradientTransformation | None = None,
) -> Minimum:
    """Moves parameters downhill; without steps their value is all that is found.

    Args:
      objective: parameters -> [] value.
      start: any tree of arrays.
      key: consumed; only SPSA draws.
      options: see `DescentOptions`.
      optimizer: any other optax optimiser instead of the named one.

    Returns:
      The best parameters, their value and the trace.
    """
    if not options.steps:
        value = objective(start)
        return Minimum(start, value, value[None])
    rule = optax.with_extra_args_support(optimizer or _named(options))
    by_differences = optimizer is None and options.optimizer == "spsa"

    def step(carry: tuple, number: Array) -> tuple[tuple, Array]:
        params, state, best_params, best = carry
        if by_differences:
            step_key = jax.random.fold_in(key, number)
            size = options.perturbation / (number + 1.0) ** 0.101
            value, slope = _differences(objective, params, step_key, size)
        else:
            value, slope = jax.value_and_grad(objective)(params)
        better = value < best
        best_params = jax.tree.map(
            lambda new, old: jnp.where(better, new, old), params, best_params
        )
        updates, state = rule.update(
            slope, state, params, value=value, grad=slope, value_fn=objective
        )
        params = optax.apply_updates(params, updates)
        return (params, state, best_params, jnp.minimum(value, best)), value

    dtype = jax.eval_shape(objective, start).dtype
    carry = start, rule.init(start), start, jnp.array(jnp.inf, dtype)
    (_, _, params, value), trace = lax.scan(step, carry, jnp.arange(options.steps))
    return Minimum(params, value, trace)


def circuits_per_step(num_params: int, options: DescentOptions) -> int:
    """Circuits that a machine would run for a step.

    Args:
      num_params: angles.
      options: SPSA needs two; a gradient by parameter shifts two for each angle, and
        one for the value.

    Returns:
      Their number.
    """
    return 2 if options.optimizer == "spsa" else 2 * num_params + 1


def _named(options: DescentOptions) -> optax.GradientTransformation:
    if options.optimizer == "lbfgs":
        return optax.lbfgs()
    if options.optimizer == "adam":
        return optax.adam(options.learning_rate)
    delay = options.steps / 10

    def gain(number: Array) -> Array:
        return options.learning_rate * ((1 + delay) / (number + 1 + delay)) ** 0.602

    return optax.sgd(gain)


def _differences(
    objective: Objective, params: Any, key: Array, size: Array
) -> tuple[Array, Any]:
    """Mean of the values on both sides, and the estimated slope."""
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    signs = jax.random.rademacher(key, flat.shape, flat.dtype)
    above = objective(unflatten(flat + size * signs))
    below = objective(unflatten(flat - size * signs))
    slope = (above - below) / (2 * size) * signs
    return (above + below) / 2, unflatten(slope)
