"""What the benchmarks of scoring and training work on: fixed seeds, random inputs."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.measuring.built_in_spaces import (
    WORDS,
    built_in_space,
    input_shape,
    random_sentences,
)
from qnas_jax.nets import Form, Slots, build_supernet
from qnas_jax.searching import host_search, make_strategy
from qnas_jax.spaces import NetworkSpace, SearchSpace
from qnas_jax.spaces.registry import FOR_SERIES, FOR_TEXT
from qnas_jax.tasks import (
    ImageClassification,
    SeriesClassification,
    Task,
    TextClassification,
)


@dataclasses.dataclass(frozen=True)
class Workload:
    """A supernet with initial weights, and images, series or sentences.

    Attributes:
      supernet: the network.
      weights: parameters and running statistics.
      inputs: uint8 [N, H, W, C], float32 [N, T, C], or numbers of words int32 [N, T].
      labels: int32 [N].
    """

    supernet: Any
    weights: tuple[Slots, Slots]
    inputs: jax.Array
    labels: jax.Array

    @property
    def space(self) -> Any:
        """What was built."""
        return self.supernet.space

    @property
    def task(self) -> Task:
        """Classification, with made-up statistics of the channels."""
        if self.inputs.ndim == 2:
            shape, outputs = self.space.input_shape, self.space.num_classes
            return TextClassification(shape, outputs, WORDS)
        channels = self.inputs.shape[-1]
        known: dict[str, Any] = {
            "mean": jnp.full(channels, 0.5),
            "std": jnp.full(channels, 0.25),
            "input_shape": self.space.input_shape,
            "num_outputs": self.space.num_classes,
        }
        if self.inputs.ndim == 3:
            return SeriesClassification(**known, masked=False)
        return ImageClassification(**known)

    def prepared(self, inputs: jax.Array) -> jax.Array:
        """Normalised inputs."""
        return self.task.prepare(inputs)

    def macs(self, archs: np.ndarray) -> np.ndarray:
        """Multiply-accumulates an example of architectures [P, L]."""
        return self.supernet.cost_table().cost(archs)["macs"]


def make_workload(space: str, images: int, form: Form = "switch") -> Workload:
    """Builds the supernet of a registered space with random weights and inputs.

    Statistics and classifier are drawn wide apart, so that architectures differ as they
    do after training.
    """
    built = built_in_space(space)
    supernet = build_supernet(built, form)
    params, stats = supernet.init(jax.random.key(0))
    params["fixed"][-1] = params["fixed"][-1] * 100
    generator = np.random.default_rng(0)
    stats = jax.tree.map(
        lambda row: jnp.asarray(generator.uniform(0.3, 1.0, row.shape), jnp.float32),
        stats,
    )
    inputs = _random_inputs(space, images, generator)
    labels = generator.integers(0, 10, images)
    return Workload(
        supernet, (params, stats), jnp.asarray(inputs), jnp.asarray(labels, jnp.int32)
    )


def _random_inputs(space: str, count: int, generator: Any) -> np.ndarray:
    """Of the form that networks of the space are trained on."""
    shape = input_shape(space)
    if space in FOR_TEXT:
        return random_sentences(count, shape[0], WORDS, generator)
    if space in FOR_SERIES:
        series = generator.normal(0.5, 0.25, (count, *shape))
        return np.asarray(series, np.float32)
    return np.asarray(generator.integers(0, 256, (count, *shape)), np.uint8)


def random_archs(space: SearchSpace, count: int, seed: int = 0) -> np.ndarray:
    """Uniform architectures, int32 [count, L]."""
    generator = np.random.default_rng(seed)
    shape = (count, space.num_layers)
    return generator.integers(space.num_ops, size=shape).astype(np.int32)


def search_populations(
    space: NetworkSpace, generations: list[int], population: int
) -> dict[int, np.ndarray]:
    """Populations that the default search asks for.

    What it maximises is a sum of one random value for each op of each layer: the
    populations of a search depend on how fast it converges, not on the networks.

    Args:
      space: the search space.
      generations: which, counted from 1.
      population: architectures of a generation.

    Returns:
      Generation -> int32 [population, L].
    """
    strategy = make_strategy(
        "qbit", space.num_ops, population=population, generations=max(generations)
    )
    value = np.random.default_rng(0).random((space.num_layers, space.max_ops))
    layers = np.arange(space.num_layers)

    def evaluate(_: jax.Array, archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return archs, value[layers, archs].sum(axis=1).astype(np.float32)

    steps = host_search(strategy, evaluate, jax.random.key(1), max(generations))
    asked = [np.asarray(step.generation.archs) for step in steps]
    return {number: asked[number - 1] for number in generations}
