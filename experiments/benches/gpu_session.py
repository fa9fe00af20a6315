"""All benchmarks of scoring and training on an accelerator, in under 8 minutes.

python -m experiments.benches.gpu_session --out=gpu.json [--peer=FOLDER]
    [--data_dir=FOLDER]

Runs `benches.kernels`, `benches.scoring` and `benches.training`, scores 256
architectures on 5,000 images, and trains the supernet for one epoch of 50,000 images
(CIFAR-10 if a data folder is named, random pixels of that size otherwise). Each part
is written as soon as it is done, so that a run that is cut leaves what it has.
"""

import json
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.benches import kernels, scoring, training
from experiments.measuring.machine import measure_machine, peak_memory_mib
from experiments.measuring.rows import provenance
from experiments.measuring.workload import make_workload, random_archs
from qnas_jax import data
from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.training import (
    SupernetOptions,
    TrainingBatches,
    initial_supernet_state,
    make_optimizer,
    make_sampler,
    make_supernet_step,
)

Parts = dict[str, Callable[[], Any]]


def run(parts: Parts, out: pathlib.Path) -> dict[str, Any]:
    """Runs the parts one after the other; a part that fails is noted, not fatal.

    Args:
      parts: name -> measurement.
      out: JSON file, written after each part.

    Returns:
      What the file holds: provenance, limits of the machine, and each part.
    """
    machine = measure_machine(size=4096)
    result: dict[str, Any] = {
        **provenance(),
        "matrix GFLOP/s": machine.gflops,
        "copy GB/s": machine.copy_gb,
    }
    for name, measure in parts.items():
        started = time.perf_counter()
        try:
            result[name] = measure()
        except Exception as error:
            result[name] = {"error": f"{type(error).__name__}: {error}"}
        result[f"{name} seconds"] = time.perf_counter() - started
        out.write_text(json.dumps(result, indent=1, default=float), encoding="utf-8")
    return result


def all_parts(space: str, peer: str | None, images: int, data_dir: str | None) -> Parts:
    """The measurements of a session."""
    return {
        "epoch": lambda: train_epoch(space, data_dir, 50_000, batch=256),
        "population": lambda: score_population(space, 256, 5_000, chunk=500),
        "scoring": lambda: scoring.run(
            space, images=images, chunk=images, simple=0, peer=peer
        ),
        "training": lambda: training.run(space, batch=256, gradient=False, peer=peer),
        "kernels": kernels.run,
    }


def score_population(
    space: str, population: int, images: int, chunk: int
) -> dict[str, Any]:
    """Scores one large population once, after a call that compiles.

    Args:
      space: a registered space.
      population: random architectures.
      images: that each is scored on.
      chunk: images computed at once.

    Returns:
      Seconds, subnet-images a second, GFLOP/s, memory of the device and the process.
    """
    work = make_workload(space, images)
    archs = random_archs(work.space, population)
    options = ScoringOptions(statistics="running", score_chunk=chunk)
    score = make_population_scorer(work.supernet, work.task, options, work.pixels)

    def call(count: int) -> Any:
        chosen = work.pixels[:count], work.labels[:count]
        return jax.block_until_ready(score(work.weights, archs, *chosen))

    started = time.perf_counter()
    call(chunk)
    compiled = time.perf_counter() - started
    call(images)
    started = time.perf_counter()
    call(images)
    seconds = time.perf_counter() - started
    macs = float(work.macs(archs).sum()) * images
    device = jax.devices()[0].memory_stats() or {}
    return {
        "first call s": compiled,
        "seconds": seconds,
        "subnet-images/s": population * images / seconds,
        "GFLOP/s": 2e-9 * macs / seconds,
        "device peak MiB": device.get("peak_bytes_in_use", 0) / 2**20,
        "process peak MiB": peak_memory_mib(),
    }


def train_epoch(
    space: str, data_dir: str | None, images: int, batch: int
) -> dict[str, Any]:
    """Trains the supernet for one epoch, augmentation and sampling included.

    Args:
      space: a registered space.
      data_dir: folder with prepared CIFAR-10, or None for random pixels.
      images: of the training split.
      batch: images of a step.

    Returns:
      Compile time, seconds of the other steps, images a second.
    """
    work = make_workload(space, 1)
    train = _training_split(work.pixels.shape[1:], data_dir, images)
    options = SupernetOptions(epochs=1, batch_size=batch, sampler="uniform")
    steps = len(train) // batch
    optimizer = make_optimizer(options, steps)
    sampler = make_sampler(options.sampler, work.space.num_ops)
    batches = TrainingBatches.of(train, work.task, batch)
    step = make_supernet_step(
        work.supernet, optimizer, sampler, batches, jax.random.key(1)
    )
    state = initial_supernet_state(
        work.supernet, work.task, optimizer, options.pool_size, jax.random.key(0)
    )
    order = jax.random.permutation(jax.random.key(2), len(train))
    started = time.perf_counter()
    state = jax.block_until_ready(step(state, order))
    compiled = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(steps - 1):
        state = step(state, order)
    jax.block_until_ready(state)
    seconds = time.perf_counter() - started
    return {
        "first step s": compiled,
        "seconds": seconds,
        "images/s": (steps - 1) * batch / seconds,
    }


def _training_split(
    shape: Sequence[int], data_dir: str | None, count: int
) -> data.Split:
    if data_dir is None:
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
        return data.image_split(
            pixels, generator.integers(0, 10, count).astype(np.int32)
        )
    options = data.DataOptions(source="tfds", name="cifar10", data_dir=data_dir)
    splits = data.SOURCES["tfds"].load(options)
    return splits.train.take(np.arange(min(count, len(splits.train))))


def main(argv: Sequence[str]) -> None:
    """Runs everything and names the file."""
    del argv
    out = pathlib.Path(_OUT.value)
    parts = all_parts(_SPACE.value, _PEER.value, _IMAGES.value, _DATA_DIR.value)
    run(parts, out)
    print(f"written to {out}")


if __name__ == "__main__":
    use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "proxylessnas", "a registered space")
    _IMAGES = flags.DEFINE_integer("images", 512, "images of the scoring benchmark")
    _PEER = flags.DEFINE_string("peer", None, "folder of the public BQNAS code")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of prepared data sets")
    _OUT = flags.DEFINE_string("out", "gpu.json", "where the result goes")
    app.run(main)
