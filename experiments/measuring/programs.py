"""The programs that are measured: scoring, a training step, and its gradient alone."""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.measuring.workload import Workload
from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.kernels import compiler_options
from qnas_jax.nets import put_path, take_path
from qnas_jax.training import map_slots


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled program and how to run it.

    Attributes:
      compiled: what `jax.jit(...).lower(...).compile()` returns.
      seconds: that tracing and compiling took.
      run: runs one pass of the measurement.
    """

    compiled: Any
    seconds: float
    run: Callable[[], Any]


def compile_network(
    function: Callable[..., Any], *arguments: Any, **options: Any
) -> tuple[Any, float]:
    """Compiles a program that holds networks for the shapes of its arguments.

    Args:
      function: what to compile.
      *arguments: arrays, or their shapes.
      **options: arguments of `jax.jit`.

    Returns:
      The compiled program, and the seconds that took.
    """
    program = jax.jit(function, compiler_options=compiler_options(), **options)
    started = time.perf_counter()
    compiled = program.lower(*arguments).compile()
    return compiled, time.perf_counter() - started


def temporary_mib(compiled: Any) -> float:
    """What a compiled program allocates beside its arguments and results."""
    return float(compiled.memory_analysis().temp_size_in_bytes) / 2**20


def scoring_program(work: Workload, archs: np.ndarray, chunk: int) -> Program:
    """Scores a population with running statistics.

    Args:
      work: network, images and labels.
      archs: int32 [P, L].
      chunk: images computed at once.

    Returns:
      The program; a pass scores the population once.
    """
    options = ScoringOptions(statistics="running", score_chunk=chunk)
    score = make_population_scorer(work.supernet, work.task, options, work.inputs)
    arguments = (work.weights, jnp.asarray(archs), work.inputs, work.labels)
    compiled, seconds = compile_network(score, *arguments)
    return Program(compiled, seconds, lambda: compiled(*arguments))


def training_program(work: Workload, archs: np.ndarray) -> Program:
    """Trains a path a step, as `training.supernet` does but for the augmentation.

    Args:
      work: network, images and labels of the batch.
      archs: int32 [steps, L], the paths of a pass.

    Returns:
      The program; a pass is a step for each path.
    """
    optimizer = optax.chain(
        optax.add_decayed_weights(4e-5), optax.sgd(1e-4, momentum=0.9)
    )
    gradient_fn = _gradient_fn(work)

    def step(state: Any, arch: jax.Array, pixels: jax.Array, labels: jax.Array) -> Any:
        all_params, all_stats, all_moments = state
        params, stats = take_path(all_params, arch), take_path(all_stats, arch)
        moments = map_slots(lambda rows: take_path(rows, arch), all_params, all_moments)
        gradient, stats = gradient_fn(params, stats, arch, pixels, labels)
        updates, moments = optimizer.update(gradient, moments, params)
        write = functools.partial(_write_rows, arch)
        return (
            put_path(all_params, arch, optax.apply_updates(params, updates)),
            put_path(all_stats, arch, stats),
            map_slots(write, all_params, all_moments, moments),
        )

    weights = jax.tree.map(jnp.copy, work.weights)  # they are donated
    state = [(*weights, optimizer.init(weights[0]))]
    paths = [jnp.asarray(arch) for arch in archs]
    batch = work.inputs, work.labels
    compiled, seconds = compile_network(
        step, state[0], paths[0], *batch, donate_argnums=0
    )

    def run() -> Any:
        for path in paths:
            state[0] = compiled(state[0], path, *batch)
        return state[0]

    return Program(compiled, seconds, run)


def gradient_program(work: Workload, archs: np.ndarray) -> Program:
    """The gradient of a step alone: rows are read, none is updated or written.

    Args:
      work: network, images and labels of the batch.
      archs: int32 [steps, L], the paths of a pass.

    Returns:
      The program; a pass computes a gradient for each path.
    """
    gradient_fn = _gradient_fn(work)

    def gradient(weights: Any, arch: jax.Array, *batch: jax.Array) -> Any:
        params, stats = (take_path(slots, arch) for slots in weights)
        return gradient_fn(params, stats, arch, *batch)

    paths = [jnp.asarray(arch) for arch in archs]
    batch = work.inputs, work.labels
    compiled, seconds = compile_network(gradient, work.weights, paths[0], *batch)

    def run() -> None:
        for path in paths:
            jax.block_until_ready(compiled(work.weights, path, *batch))

    return Program(compiled, seconds, run)


def _write_rows(arch: jax.Array, rows: Any, path: Any) -> Any:
    return put_path(rows, arch, path)


def _gradient_fn(work: Workload) -> Callable[..., Any]:
    """(params, stats, arch, pixels, labels) -> gradient and new statistics."""

    def loss_fn(
        params: Any, stats: Any, arch: jax.Array, pixels: jax.Array, labels: jax.Array
    ) -> tuple[jax.Array, Any]:
        logits, stats = work.supernet.apply(
            params, stats, arch, work.prepared(pixels), mode="train"
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), stats

    return jax.grad(loss_fn, has_aux=True)
