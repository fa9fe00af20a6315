"""How well `nas_bench_macro` is ranked after a few minutes on an accelerator."""

import concurrent.futures
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.benches.gpu_kernels import Note
from experiments.benches.gpu_networks import (
    all_paths_step,
    compile_program,
    drawn_workload,
    loss_of,
    note_peak,
    permutations,
)
from experiments.measuring.workload import Workload
from qnas_jax.data import Augmentation, augment
from qnas_jax.errors import UserError
from qnas_jax.evaluation.ranking import rank_agreement
from qnas_jax.evaluation.truths import read_macro_truth
from qnas_jax.nets import take_path


def rank_macro(
    note: Note,
    *,
    images_file: str | None,
    data_dir: str,
    path_images: Sequence[int],
    form: str,
    batch: int,
    num_archs: int,
    num_images: int,
    seed: int = 0,
    precision: str = "bfloat16",
) -> None:
    """Trains `nas_bench_macro` with strict fairness and ranks it against the truth.

    Args:
      note: takes results.
      images_file: npz with x_train, y_train; None: random pixels.
      data_dir: folder that holds `nas_bench_macro/`.
      path_images: budgets, each a training of its own with a cosine to zero.
      form: of the step, see `all_paths_step`.
      batch: images of a step.
      num_archs: random architectures that are ranked.
      num_images: validation images of a score, by their own statistics.
      seed: of weights, paths, batches and augmentation; architectures are the same.
      precision: of values and products.
    """
    work = drawn_workload("nas_bench_macro", batch)
    train, valid = _images(images_file, num_images, work)
    with jax.default_device(jax.devices("cpu")[0]):
        fresh = work.supernet.init(jax.random.key(seed))
    fresh = jax.device_put(jax.tree.map(np.asarray, fresh), jax.devices()[0])
    archs, truth = read_macro_truth(data_dir)
    chosen = np.random.default_rng(1).permutation(len(archs))[:num_archs]
    archs, truth = archs[chosen], truth[chosen]
    training = _Training(note, work, form, precision, train, seed)
    arguments = jnp.asarray(archs), *valid
    lowered = _batch_scorer(work, precision).lower(fresh, *arguments)
    pool = concurrent.futures.ThreadPoolExecutor(1)
    compiling = pool.submit(lowered.compile)  # while the training is compiled
    for budget in path_images:
        weights, label = training.run(fresh, budget, batch)
        scorer = compiling.result()
        started = time.perf_counter()
        loss, accuracy = jax.block_until_ready(scorer(weights, *arguments))
        note(f"{label}, scoring s", time.perf_counter() - started)
        for name, scores in (("loss", -loss), ("accuracy", accuracy)):
            try:
                found = rank_agreement(np.asarray(scores, np.float64), truth)
            except UserError as error:  # the other score is worth having
                note(f"{label}, tau by {name}", str(error))
                continue
            note(f"{label}, tau by {name}", found["kendall_tau"])
        note(f"{label}, mean accuracy", float(accuracy.mean()))
        note_peak(note)


class _Training:
    """Trains all paths at once, several steps a call; compiled once."""

    def __init__(
        self,
        note: Note,
        work: Workload,
        form: str,
        precision: str,
        train: Any,
        seed: int,
    ):
        """Takes what all budgets share; `train` is images and labels."""
        self._note, self._work, self._train = note, work, train
        self._seed = seed
        self._steps = _steps(work, form, precision)
        self._call = 5 if len(train[1]) < 1000 else 50
        self._program: Any = None

    def run(self, fresh: Any, budget: int, batch: int) -> tuple[Any, str]:
        """Trains from `fresh`; gives parameters and statistics, and says how long."""
        space, call = self._work.space, self._call
        num_paths = space.num_ops[0]
        num_steps = max(budget // (batch * num_paths) // call, 1) * call
        each = _schedule(space, num_steps, len(self._train[1]), batch, self._seed)
        parts = [
            jax.tree.map(lambda rows: rows[start : start + call], each)  # noqa: B023
            for start in range(0, num_steps, call)
        ]
        moments = jax.tree.map(jnp.zeros_like, fresh[0])
        state = (*jax.tree.map(jnp.copy, fresh), moments)
        if self._program is None:
            self._program = compile_program(
                self._note, self._steps, state, parts[0], *self._train, donate=[0]
            )
        started = time.perf_counter()
        for part in parts:
            state = self._program(state, part, *self._train)
        params, stats, _ = jax.block_until_ready(state)
        seconds = time.perf_counter() - started
        seen = num_steps * batch * num_paths
        self._note(f"{seen} path-images s", seconds)
        self._note(f"{seen} path-images, path-images/s", seen / seconds)
        return (params, stats), f"{seen} path-images"


def _steps(work: Workload, form: str, precision: str) -> Callable[..., Any]:
    """Steps of a schedule, in one call: momentum 0.9, gradients clipped at 10."""
    gradient_fn = all_paths_step(work, form, precision)
    augmentation = Augmentation(crop_padding=4, flip=True)
    task: Any = work.task

    def steps(state: Any, each: Any, pixels: jax.Array, labels: jax.Array) -> Any:
        def step(state: Any, each: Any) -> tuple[Any, None]:
            params, stats, moments = state
            archs, index, key, rate = each
            images = augment(
                jax.random.wrap_key_data(key),
                pixels[index],
                task.mean,
                task.std,
                augmentation,
            )
            gradient, stats = gradient_fn(params, stats, archs, images, labels[index])
            gradient, _ = optax.clip_by_global_norm(10.0).update(gradient, None)
            moments = jax.tree.map(lambda m, g: 0.9 * m + g, moments, gradient)
            params = jax.tree.map(lambda p, m: p - rate * m, params, moments)
            return (params, stats, moments), None

        return jax.lax.scan(step, state, each)[0]

    return steps


def _schedule(
    space: Any, steps: int, count: int, batch: int, seed: int
) -> tuple[Any, ...]:
    """Paths, image numbers, key and learning rate of each step."""
    rng = np.random.default_rng((2, seed))
    epochs = -(-steps * batch // (count // batch * batch))
    order = [rng.permutation(count)[: count // batch * batch] for _ in range(epochs)]
    index = np.concatenate(order)[: steps * batch].reshape(steps, batch)
    keys = jax.random.key_data(
        jax.random.split(jax.random.fold_in(jax.random.key(3), seed), steps)
    )
    rates = 0.05 * (1 + np.cos(np.pi * np.arange(steps) / steps))
    return (
        jnp.asarray(permutations(space, steps, seed)),
        jnp.asarray(index, jnp.int32),
        keys,
        jnp.asarray(rates, jnp.float32),
    )


def _images(path: str | None, num_valid: int, work: Workload) -> tuple[Any, Any]:
    """Training and validation images and labels on the device."""
    if path is None:
        both = work.inputs, work.labels
        return both, both
    with np.load(path) as file:
        pixels, labels = file["x_train"], file["y_train"].astype(np.int32)
    cut = len(labels) - 5000
    train = jnp.asarray(pixels[:cut]), jnp.asarray(labels[:cut])
    valid = slice(cut, cut + num_valid)
    return train, (jnp.asarray(pixels[valid]), jnp.asarray(labels[valid]))


def _batch_scorer(work: Workload, precision: str) -> Any:
    """Losses and accuracies of architectures by the statistics of the images."""
    network = work.supernet

    @jax.jit
    def score_all(weights: Any, archs: jax.Array, pixels: Any, labels: Any) -> Any:
        params, stats = weights
        params = network.in_precision(params, precision)
        inputs = work.prepared(pixels)

        def one(arch: jax.Array) -> tuple[jax.Array, jax.Array]:
            path = take_path(params, arch), take_path(stats, arch)
            logits, _ = network.apply(*path, arch, inputs, mode="batch")
            return loss_of(logits, labels), (logits.argmax(axis=-1) == labels).mean()

        return jax.lax.map(one, archs, batch_size=min(8, len(archs)))

    return score_all
