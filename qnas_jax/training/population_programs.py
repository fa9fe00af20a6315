"""The programs that train some networks of a space in one call.

Padded networks of a device are a `vmap`; where ops are switched to, a device has one
network. A leading axis P stands wherever something is of one of the networks.
"""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.devices import Devices
from qnas_jax.kernels import compiler_options
from qnas_jax.nets import Supernet
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.candidate import CandidateState, start_candidate, train_epoch
from qnas_jax.training.optimizer import TrainingOptions


@dataclasses.dataclass(frozen=True)
class Programs:
    """Compiled for P networks a call.

    Attributes:
      start: (keys [P], archs int32 [P, L]) -> states before the first step.
      epoch: (states, archs, keys of the batches, number of the epoch, learning rates,
        batches) -> states and mean losses [P]; states are donated.
      judge: (params, stats, archs, data) -> what is wanted of each network.
    """

    start: Callable[..., CandidateState]
    epoch: Callable[..., tuple[CandidateState, jax.Array]]
    judge: Callable[..., Any]


def compile_programs(
    supernet: Supernet,
    options: TrainingOptions,
    batches: TrainingBatches,
    judge: Callable[..., Any],
    data: Any,
    *,
    width: int,
    same_batches: bool,
    devices: Devices,
) -> Programs:
    """Compiles the three programs at the same time.

    Args:
      supernet: the networks.
      options: of the optimiser.
      batches: the training split, whole on every device.
      judge: (params, stats, arch, data) -> what is wanted of one network.
      data: the last argument of the judge, whole on every device.
      width: P, a multiple of the number of devices; with a supernet that switches, that
        number.
      same_batches: whether all networks see the batches of one key.
      devices: among which the networks are divided.

    Returns:
      The programs.
    """

    def start(key: jax.Array, arch: jax.Array) -> CandidateState:
        return start_candidate(supernet, options, key, arch)

    side_by_side = supernet.form == "padded"
    for_each = functools.partial(_for_each, side_by_side, devices)
    epoch = functools.partial(train_epoch, supernet, options)
    shared = None if same_batches else 0
    starts = for_each(start, (0, 0))
    key = jax.eval_shape(lambda: jax.random.key(0))
    archs = jax.ShapeDtypeStruct((width, supernet.space.num_layers), jnp.int32)
    keys, archs = devices.divided((jax.ShapeDtypeStruct((width,), key.dtype), archs))
    state = devices.divided(jax.eval_shape(starts, keys, archs))
    number = jax.ShapeDtypeStruct((), jnp.int32)
    rates = jax.ShapeDtypeStruct((batches.steps_per_epoch,), jnp.float32)
    key, number, rates = devices.replicated((key, number, rates))
    lowered = [
        _lower(starts, keys, archs),
        _lower(
            for_each(epoch, (0, 0, shared, None, None, None)),
            *(state, archs, key if same_batches else keys, number, rates, batches),
            donate_argnums=0,
        ),
        _lower(
            for_each(judge, (0, 0, 0, None)), state.params, state.stats, archs, data
        ),
    ]
    with concurrent.futures.ThreadPoolExecutor(len(lowered)) as pool:
        return Programs(*pool.map(lambda each: each.compile(), lowered))


def _for_each(
    side_by_side: bool,
    devices: Devices,
    function: Callable[..., Any],
    in_axes: tuple[int | None, ...],
) -> Callable[..., Any]:
    """A function of one network as one of P of them, a part of P on each device."""

    def only_one(*arguments: Any) -> Any:
        own = [
            each if axis is None else jax.tree.map(lambda leaf: leaf[0], each)
            for each, axis in zip(arguments, in_axes, strict=True)
        ]
        return jax.tree.map(lambda leaf: leaf[None], function(*own))

    mapped = jax.vmap(function, in_axes) if side_by_side else only_one

    def on_device(whole: list[Any], members: list[Any]) -> Any:
        left = {None: iter(whole), 0: iter(members)}
        return mapped(*(next(left[axis]) for axis in in_axes))

    divided = devices.over_members(on_device, gather=False)

    def call(*arguments: Any) -> Any:
        pairs = list(zip(arguments, in_axes, strict=True))
        whole = [each for each, axis in pairs if axis is None]
        return divided(whole, [each for each, axis in pairs if axis == 0])

    return call


def _lower(function: Callable[..., Any], *shapes: Any, **options: Any) -> Any:
    program = jax.jit(function, compiler_options=compiler_options(), **options)
    return program.lower(*shapes)
