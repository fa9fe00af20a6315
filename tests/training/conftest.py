"""A space of two layers, random images, and what one training needs."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qnas_jax.data import Split, image_split
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageClassification, Task
from qnas_jax.training import (
    PathSampler,
    SupernetOptions,
    TrainingBatches,
    initial_supernet_state,
    make_optimizer,
    make_supernet_step,
)


@pytest.fixture(scope="session")
def space() -> NetworkSpace:
    """3 x 2 ops of different sizes; the skip has no weights at all."""
    first = (
        op("conv", "conv"),
        op("mb2", "mbconv", kernel=3, expansion=2, attention="eca"),
        op("skip", "skip"),
    )
    second = (op("conv3", "conv"), op("conv1", "conv", kernel=1))
    return NetworkSpace(
        name="tiny",
        layers=(Layer(4, 4, 1, first), Layer(4, 6, 2, second)),
        stem=(fixed(1, 4, 1, "conv"),),
        head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
        input_shape=(8, 8, 1),
        num_classes=3,
    )


@pytest.fixture(scope="session")
def supernet(space: NetworkSpace) -> Supernet:
    """The supernet of the space."""
    return build_supernet(space)


@pytest.fixture(scope="session")
def train() -> Split:
    """25 random images of 3 classes: three batches of 8, and a rest."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (25, 8, 8, 1)).astype(np.uint8)
    return image_split(images, rng.integers(0, 3, 25).astype(np.int32))


@pytest.fixture(scope="session")
def task() -> ImageClassification:
    """Classification of the images, with made-up statistics of the pixels."""
    return ImageClassification(
        mean=jnp.float32([0.4]),
        std=jnp.float32([0.3]),
        input_shape=(8, 8, 1),
        num_outputs=3,
    )


@dataclasses.dataclass
class SupernetTraining:
    """A supernet ready to be trained.

    Attributes:
      state: before the first step.
      step_fn: (state, order) -> state.
      archs: paths [S, L] of each step so far.
      traces: how often the step was traced.
    """

    state: Any
    step_fn: Callable[[Any, jax.Array], Any]
    archs: list[np.ndarray]
    traces: list[int]


@pytest.fixture
def build_training(supernet, train, task):
    """Builds a training that writes down its paths and traces."""

    def build(
        options: SupernetOptions,
        sampler: PathSampler,
        optimizer: optax.GradientTransformation | None = None,
        key: int = 7,
        task: Task = task,
        supernet: Supernet = supernet,
    ) -> SupernetTraining:
        archs: list[np.ndarray] = []
        traces: list[int] = []

        def sample(*arguments):
            traces.append(1)
            drawn, state = sampler.sample(*arguments)
            jax.debug.callback(lambda value: archs.append(np.array(value)), drawn)
            return drawn, state

        steps_per_epoch = len(train) // options.batch_size
        optimizer = optimizer or make_optimizer(options, steps_per_epoch)
        init_key, step_key = jax.random.split(jax.random.key(key))
        step_fn = make_supernet_step(
            supernet,
            optimizer,
            dataclasses.replace(sampler, sample=sample),
            TrainingBatches.of(train, task, options.batch_size),
            step_key,
            precision=options.precision,
        )
        state = initial_supernet_state(
            supernet, task, optimizer, options.pool_size, init_key
        )
        return SupernetTraining(state, step_fn, archs, traces)

    return build
