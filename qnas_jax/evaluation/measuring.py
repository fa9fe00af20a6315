"""The metrics of a task over a split, a chunk at a time, for one network or many.

Several devices measure some of the chunks of one network each.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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


class _Work(NamedTuple):
    """What is summed over; see `measure_many`."""

    task: Task
    run: Callable[[jax.Array, AddOutputs, Any], Any]
    num_networks: int
    inputs: jax.Array
    targets: jax.Array
    chunk: int
    metrics: Mapping[str, Metric]
    answer: AnswerFn | None


def measure(
    task: Task,
    run: Callable[[jax.Array], jax.Array],
    inputs: jax.Array,
    targets: jax.Array,
    chunk: int,
    *,
    details: Mapping[str, Metric] | None = None,
    answer: AnswerFn | None = None,
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

    Returns:
      Scalars, or what the details are; answers int32 [N].
    """

    def run_one(prepared: jax.Array, add: AddOutputs, sums: Any) -> Any:
        return add(jnp.zeros((), jnp.int32), run(prepared), sums)

    found = measure_many(
        task, run_one, 1, inputs, targets, chunk, details=details, answer=answer
    )
    return {name: values[0] for name, values in found.items()}


def measure_on_devices(
    task: Task,
    run: Callable[[Any, jax.Array], jax.Array],
    whole: tuple[Any, jax.Array, jax.Array],
    chunk: int,
    *,
    devices: Devices,
    details: Mapping[str, Metric] | None = None,
    answer: AnswerFn | None = None,
) -> Metrics:
    """Measures one network on a split that several devices divide.

    Args:
      task: what it is judged by.
      run: (weights, prepared inputs [chunk, ...]) -> outputs [chunk, ...].
      whole: weights, inputs [N, ...] as the data have them, and targets [N, ...].
      chunk: examples that a device computes at once; bounds memory.
      devices: that measure some of the chunks each.
      details: what is measured besides the task's metrics.
      answer: what is kept of every example, as `answers`; None: nothing.

    Returns:
      As `measure`, to rounding.
    """
    metrics = {**task.metrics, **(details or {})}
    count = len(whole[2])
    chunk = min(chunk, -(-count // devices.count))

    def add_up(whole: Any, numbers: jax.Array) -> Any:
        weights, inputs, targets = whole

        def run_one(prepared: jax.Array, add: AddOutputs, sums: Any) -> Any:
            return add(jnp.zeros((), jnp.int32), run(weights, prepared), sums)

        work = _Work(task, run_one, 1, inputs, targets, chunk, metrics, answer)
        return _sums(work, numbers)

    num_chunks = -(-count // chunk)
    num_chunks += -num_chunks % devices.count  # those beyond the end count nothing
    sums = devices.added_up(add_up)(whole, jnp.arange(num_chunks))
    found = _finished(metrics, sums, count)
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

    Returns:
      float32 [P] each, [P, ...] of details that are arrays; answers int32 [P, N].
    """
    metrics = {**task.metrics, **(details or {})}
    count = len(targets)
    chunk = min(chunk, count)
    work = _Work(task, run, num_networks, inputs, targets, chunk, metrics, answer)
    sums = _sums(work, jnp.arange(-(-count // chunk)))
    return _finished(metrics, sums, count)


def _sums(work: _Work, numbers: jax.Array) -> dict[str, Any]:
    """Sums over the examples of some chunks, by their numbers, for each metric."""
    task, run, num_networks, inputs, targets, chunk, metrics, answer = work
    count = len(targets)

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
    sums: dict[str, Any] = jax.lax.scan(add_chunk, zeros, numbers)[0]
    return sums


def _finished(
    metrics: Mapping[str, Metric], sums: Mapping[str, Any], count: int
) -> Metrics:
    """Metrics from sums over all examples; answers as they are."""
    found = {
        name: jax.vmap(lambda own, metric=metric: metric.finish(own, count))(sums[name])
        for name, metric in metrics.items()
    }
    return found if "answers" not in sums else {**found, "answers": sums["answers"]}
