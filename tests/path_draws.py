"""Spaces of any widths with costs by hand, and what samplers draw from them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.spaces import CostTable, Layer, NetworkSpace, fixed, op
from qnas_jax.training import initial_sampler_state


def layered(num_ops):
    """A chain whose layers have so many ops."""
    layers = [
        Layer(
            2, 2, 1, tuple(op(f"op{index}", "conv", kernel=1) for index in range(num))
        )
        for num in num_ops
    ]
    return NetworkSpace(
        name="layered",
        layers=tuple(layers),
        stem=(fixed(1, 2, 1, "conv"),),
        head=(fixed(2, 2, 1, "global_average"), fixed(2, 3, 1, "classifier")),
        input_shape=(4, 4, 1),
        num_classes=3,
    )


def costs_of(num_ops, seed=0):
    """Random costs; the first op of each layer has no parameters."""
    rng = np.random.default_rng(seed)
    there = np.arange(max(num_ops)) < np.array(num_ops)[:, None]
    macs = rng.integers(1, 1000, there.shape) * there
    params = rng.integers(1, 100, there.shape) * there
    params[:, 0] = 0
    return CostTable(
        {"macs": macs, "params": params}, {"macs": 5, "params": 7}, num_ops
    )


MOST = 6000
"""The most steps of `draw_paths`, which compiles a program for each sampler."""


@functools.cache
def _compiled(sampler, num_layers):
    @jax.jit
    def run(state, share, key, first, count):
        order_key, steps_key = jax.random.split(key)

        def body(step, carry):
            state, archs, fair_steps = carry
            key = jax.random.fold_in(steps_key, first + step)
            found, after = sampler.sample(order_key, key, state, share)
            fair_steps = fair_steps.at[step].set(state.fair_steps)
            return after, archs.at[step].set(found), fair_steps

        archs = jnp.full((MOST, sampler.num_paths, num_layers), -1, jnp.int32)
        start = state, archs, jnp.zeros(MOST, jnp.int32)
        return jax.lax.fori_loop(0, count, body, start)

    return run


def draw_paths(sampler, state, num_steps, *, share=0.0, seed=0, first=0):
    """Draws the paths of some steps, as a training does.

    Args:
      sampler: what draws.
      state: its state before them.
      num_steps: T, up to `MOST`.
      share: of the pool.
      seed: of all steps.
      first: number of the first step.

    Returns:
      The state after them, archs [T, S, L], and the fair steps before each of them.
    """
    run = _compiled(sampler, state.pool.shape[1])
    key = jax.random.key(seed)
    state, *found = run(state, jnp.float32(share), key, first, num_steps)
    return state, *(np.asarray(values)[:num_steps] for values in found)


def with_members(num_ops, members, size):
    """A state whose pool has some members and free places."""
    state = initial_sampler_state(num_ops, size)
    pool = state.pool.at[: len(members)].set(jnp.asarray(members, jnp.int32))
    scores = state.pool_scores.at[: len(members)].set(0.5)
    return state.replace(pool=pool, pool_scores=scores)
