"""The metrics of a task over a split, a chunk at a time, for one network or many.

Several devices measure some of the chunks each.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.devices import Devices
from qnas_jax.tasks import Metric, Task

Metrics = dict[str, jax.Array]
"""Metrics by name: scalars of one network, [P] of many."""

AnswerFn = Callable[[jax.Array, jax.Array], jax.Array]
"""(outputs [N, ...], targets [N, ...]) -> what is kept of each example, int32 [N]."""

AddOutputs = Callable[[jax.Array, jax.Array, Any], Any]
"""(number of a network, its outputs for a chunk, sums) -> sums."""


def measure(
    task: Task,
    run: Callable[[jax.Array], jax.Array],
    inputs: jax.Array,
    targets: jax.Array,
    chunk: int,
    *,
    details: Mapping[str, Metric] | None = None,
    answer: AnswerFn | None = None,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> Metrics:
    """Measures one network on a split.

    Args:
      task: what it is judged by.
      run: prepared inputs [chunk, ...] -> outputs [chunk, ...].
      inputs: [N, ...], as the data have them.
      targets: [N, ...].
      chunk: examples computed at once; bounds memory.
      details: what is measured besides the task's metrics.
      answer: what is kept of every example, as `answers`; None: nothing.
      devices: among which chunks are divided; sums differ by rounding.

    Returns:
      Scalars, or what the details are; answers int32 [N].
    """

    def run_one(prepared: jax.Array, add: AddOutputs, sums: Any) -> Any:
        return add(jnp.zeros((), jnp.int32), run(prepared), sums)

    found = measure_many(
        task,
        run_one,
        1,
        inputs,
        targets,
        chunk,
        details=details,
        answer=answer,
        devices=devices,
    )
    return {name: values[0] for name, values in found.items()}


def measure_many(
    task: Task,
    run: Callable[[jax.Array, AddOutputs, Any], Any],
    num_networks: int,
    inputs: jax.Array,
    targets: jax.Array,
    chunk: int,
    *,
    details: Mapping[str, Metric] | None = None,
    answer: AnswerFn | None = None,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> Metrics:
    """Measures several networks on a split.

    Args:
      task: what they are judged by.
      run: (prepared inputs, add, sums) -> sums; passes a chunk through the networks and
        hands the outputs of each, with its number, to `add`.
      num_networks: P.
      inputs: [N, ...], as the data have them.
      targets: [N, ...].
      chunk: examples computed at once; bounds memory.
      details: what is measured besides the task's metrics.
      answer: what is kept of every example, as `answers`; None: nothing.
      devices: among which chunks are divided; sums differ by rounding.

    Returns:
      float32 [P] each, [P, ...] of details that are arrays; answers int32 [P, N].
    """
    metrics = {**task.metrics, **(details or {})}
    count = len(targets)
    chunk = min(chunk, -(-count // devices.count))

    def add_chunk(sums: Any, number: jax.Array) -> tuple[Any, None]:
        # The last chunk is filled up with examples from the front, which do not count.
        places = number * chunk + jnp.arange(chunk)
        wanted = targets[places % count]
        counted = places < count

        def add(network: jax.Array, outputs: jax.Array, sums: Any) -> Any:
            found = {
                name: metric.sums(outputs, wanted, counted)
                for name, metric in metrics.items()
            }
            if answer is not None:
                given = jnp.where(counted, places, count)  # beyond the end: dropped
                own = answer(outputs, wanted).astype(jnp.int32)
                found["answers"] = zero["answers"].at[given].set(own, mode="drop")
            return jax.tree.map(lambda s, f: s.at[network].add(f), sums, found)

        return run(task.prepare(inputs[places % count]), add, sums), None

    zero = {name: metric.zero() for name, metric in metrics.items()}
    if answer is not None:
        zero["answers"] = jnp.zeros(count, jnp.int32)
    zeros = jax.tree.map(lambda z: jnp.zeros((num_networks, *z.shape), z.dtype), zero)
    num_chunks = -(-count // chunk)
    num_chunks += -num_chunks % devices.count  # chunks beyond the end count nothing

    def add_up(numbers: jax.Array) -> Any:
        return jax.lax.scan(add_chunk, zeros, numbers)[0]

    sums = devices.added_up(add_up)(jnp.arange(num_chunks))
    found = {
        name: jax.vmap(lambda own, metric=metric: metric.finish(own, count))(sums[name])
        for name, metric in metrics.items()
    }
    return found if answer is None else {**found, "answers": sums["answers"]}
