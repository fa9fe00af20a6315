"""Parts of a session on an accelerator that run what the engine itself runs.

`gpu_networks` has steps and scores of its own, as short as they can be. Here are the
programs of a job: the scorer of populations with the sizes that it takes from the
memory, a supernet's steps as the epoch loop calls them (sampler, batches, optimiser,
several in one call), and networks that are trained from scratch side by side.
"""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benches.gpu_kernels import Note, seconds_of
from experiments.benches.gpu_networks import drawn_workload, note_peak
from experiments.benches.population import (
    accuracies_of,
    data_options,
    make_setting,
    make_training,
)
from experiments.measuring import turns
from experiments.measuring.workload import Workload, random_archs
from qnas_jax.data import Split
from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.training import (
    SupernetOptions,
    SupernetState,
    Totals,
    TrainingBatches,
    TrainingOptions,
    initial_sampler_state,
    make_optimizer,
    make_sampler,
    make_supernet_step,
    steps_in_a_call,
)


def score_population(
    note: Note,
    *,
    space: str,
    population: int,
    images: int,
    calibration: int,
    statistics: str,
    precision: str = "bfloat16",
) -> None:
    """Scores random architectures as a search does.

    Args:
      note: takes results.
      space: a registered chain.
      population: architectures.
      images: that each is judged by, all in one chunk.
      calibration: images that recalibrate, likewise.
      statistics: of `ScoringOptions`.
      precision: of values and products.
    """
    work = drawn_workload(space, max(images, calibration))
    archs = jnp.asarray(random_archs(work.space, population))
    judged = work.inputs[:images], work.labels[:images]
    options = ScoringOptions(
        statistics=statistics,
        precision=precision,
        score_chunk=images,
        calibration_examples=calibration,
        calibration_batch=calibration,
    )
    scorer = make_population_scorer(work.supernet, work.task, options, work.inputs)
    run = functools.partial(scorer, work.weights, archs, *judged)
    started = time.perf_counter()
    found = jax.block_until_ready(run())
    note("first call s", time.perf_counter() - started)
    note("mean loss", float(found["loss"].mean()))
    turns.take()
    seconds = seconds_of(run, calls=1)
    note("subnet-images/s", population * images / seconds)
    note_peak(note)


def supernet_steps(
    note: Note, *, space: str, sampler: str, batch: int, precision: str = "bfloat16"
) -> None:
    """Steps of a supernet's training, as many a call as the engine takes.

    Args:
      note: takes results.
      space: a registered chain.
      sampler: of paths.
      batch: images of a step.
      precision: of values and products.
    """
    work = drawn_workload(space, 2 * batch)
    options = SupernetOptions(
        sampler=sampler, batch_size=batch, precision=precision, learning_rate=1e-3
    )
    train = Split(np.asarray(work.inputs), np.asarray(work.labels))
    batches = TrainingBatches.of(train, work.task, batch)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    paths = make_sampler(options, work.space, work.supernet.cost_table())
    step = make_supernet_step(
        work.supernet, optimizer, paths, batches, jax.random.key(0), precision=precision
    )
    state = _drawn_state(work, optimizer, options.pool_size)
    order = jnp.arange(len(train), dtype=jnp.int32)
    count = steps_in_a_call(0)
    started = time.perf_counter()
    state = jax.block_until_ready(step(state, order, count))
    note("first call s", time.perf_counter() - started)
    turns.take()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        state = jax.block_until_ready(step(state, order, count))
        times.append((time.perf_counter() - started) / count)
    seconds = float(np.median(times))
    note("steps a call", count)
    note("ms a step", 1e3 * seconds)
    note("path-images/s", batch * paths.num_paths / seconds)
    note_peak(note)
    note("steps", int(state.step))


def _drawn_state(work: Workload, optimizer: Any, pool_size: int) -> SupernetState:
    """As `initial_supernet_state`, of weights that NumPy has drawn."""
    params, stats = jax.tree.map(jnp.copy, work.weights)  # they are donated
    return SupernetState(
        params=params,
        stats=stats,
        moments=optimizer.init(params),
        sampler=initial_sampler_state(work.space.num_ops, pool_size),
        totals=Totals.zero(work.task),
        pool_share=jnp.zeros((), jnp.float32),
        step=jnp.zeros((), jnp.int32),
    )


def train_population(
    note: Note, *, space: str, networks: int, epochs: int, batch: int
) -> None:
    """Trains random networks on scikit-learn's digits from scratch, side by side.

    Args:
      note: takes results.
      space: a registered chain for images of 8 x 8 pixels.
      networks: P.
      epochs: of each training.
      batch: images of a step.
    """
    options = TrainingOptions(epochs=epochs, batch_size=batch, learning_rate=0.1)
    setting = make_setting(space, options, data_options())
    archs = random_archs(setting.space, networks)
    started = time.perf_counter()
    training = make_training(setting, "padded")
    training.prepare(networks)
    note("compile s", time.perf_counter() - started)
    turns.take()
    started = time.perf_counter()
    accuracies = accuracies_of(training, setting, archs)
    seconds = time.perf_counter() - started
    note("seconds", seconds)
    note("network-epochs/s", networks * epochs / seconds)
    note("mean accuracy", float(np.mean(accuracies)))
    note_peak(note)
