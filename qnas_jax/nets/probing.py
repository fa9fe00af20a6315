"""What happens inside of a network, summed over it while a batch passes.

ReLUs lie within pieces of ops, and these within switches, loops and reverse rules. What
a `Probe` asks for is therefore carried where the running statistics of each op go: a
row of statistics may be longer than the op needs, and behind it are notes. Networks
hand on whole rows and need to know nothing of notes. Without a probe nothing is
computed.
"""

import contextlib
import contextvars
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import clip
from qnas_jax.nets.slots import Slots

Watch = Callable[[jax.Array], jax.Array]

_SMALL = 1e-12  # far from both ends of float32, and from where ReLU6 cuts off


@dataclasses.dataclass(frozen=True)
class Probe:
    """What is asked for; hashable.

    Attributes:
      watch: what to sum over the inputs [N, ...] of all ReLUs; its result must have the
        same shape for all of them. No gradient flows through it.
      in_range: whether values are divided by their mean magnitude between the parts of
        the network, so that they stay finite without normalisation. The divisors are
        constants to gradients.
    """

    watch: Watch | None = None
    in_range: bool = False


class Watching(NamedTuple):
    """A probe at work: the probe, and the shape of what it watches."""

    probe: Probe
    shape: tuple[int, ...]

    @property
    def room(self) -> int:
        """Number of notes: the watched sum, and the log of the divisors."""
        return math.prod(self.shape) + 1


class Findings(NamedTuple):
    """What a probe has found.

    Attributes:
      watched: sum over all ReLUs of what `watch` makes of their inputs, of its shape;
        None without.
      log_scale: [] log of what the output was divided by to keep values in range.
    """

    watched: jax.Array | None
    log_scale: jax.Array


_watching: contextvars.ContextVar[Watching | None] = contextvars.ContextVar(
    "qnas_jax_probe", default=None
)
_seen: contextvars.ContextVar[list[jax.Array] | None] = contextvars.ContextVar(
    "qnas_jax_seen_by_the_probe", default=None
)


def watching() -> Watching | None:
    """The probe at work at present: a part of the key of whatever is cached."""
    return _watching.get()


def relu(values: jax.Array) -> jax.Array:
    """max(0, x) of [...], seen by probes: ops use it so that proxies see ReLUs."""
    _see(values)
    return clip(values)


def relu6(values: jax.Array) -> jax.Array:
    """min(max(0, x), 6) of [...], seen by probes."""
    _see(values)
    return clip(values, 0.0, 6.0)


def _see(values: jax.Array) -> None:
    active, seen = _watching.get(), _seen.get()
    if active is not None and active.probe.watch is not None and seen is not None:
        seen.append(active.probe.watch(lax.stop_gradient(values)))


@contextlib.contextmanager
def noting() -> Iterator[Callable[[jax.Array], jax.Array]]:
    """Collects what the ReLUs of a piece see.

    Yields:
      A function that adds it to the notes behind a row of statistics, [S].
    """
    active = _watching.get()
    if active is None or active.probe.watch is None:
        yield lambda stats: stats
        return
    seen: list[jax.Array] = []
    token = _seen.set(seen)
    room = active.room

    def note(stats: jax.Array) -> jax.Array:
        for watched in seen:
            stats = stats.at[-room:-1].add(watched.ravel())
        return stats

    try:
        yield note
    finally:
        _seen.reset(token)


def in_range(values: jax.Array, stats: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Divides values by their mean magnitude, if the probe at work asks for it.

    Args:
      values: [N, ...], between two parts of a network.
      stats: [S], a row of statistics of the next part, with its notes.

    Returns:
      Both, changed or as they were.
    """
    active = _watching.get()
    if active is None or not active.probe.in_range:
        return values, stats
    mean = lax.stop_gradient(jnp.abs(values).mean())
    divisor = jnp.where(mean > 0, mean / _SMALL, 1.0)
    return values / divisor, stats.at[-1].add(jnp.log(divisor))


def probe_network(
    run: Callable[[Slots], Any], stats: Slots, inputs: jax.Array, probe: Probe
) -> tuple[Any, Findings]:
    """Runs a network with a probe.

    Args:
      run: statistics of a path -> what the network returns, a tuple with the new
        statistics as `stats`.
      stats: of the path.
      inputs: [N, ...]; its first axis tells `watch` the number of inputs.
      probe: what is asked for.

    Returns:
      What the network returned, and the findings.
    """
    shape: tuple[int, ...] = ()
    if probe.watch is not None:
        shape = jax.eval_shape(probe.watch, inputs).shape
    active = Watching(probe, shape)
    token = _watching.set(active)
    try:
        result = run(jax.tree.map(lambda row: jnp.pad(row, (0, active.room)), stats))
    finally:
        _watching.reset(token)
    rows = jax.tree.leaves(result.stats)
    notes = jnp.stack([row[-active.room :] for row in rows]).sum(axis=0)
    watched = None if probe.watch is None else notes[:-1].reshape(shape)
    found = jax.tree.map(lambda row: row[: -active.room], result.stats)
    return result._replace(stats=found), Findings(watched, notes[-1])
