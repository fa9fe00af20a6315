"""What the benchmarks of scoring and training work on: fixed seeds, random pixels."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.nets import Form, Slots, build_supernet
from qnas_jax.search import host_search, make_strategy
from qnas_jax.spaces import NetworkSpace, SearchSpace, SpaceOptions, build_space
from qnas_jax.tasks import ImageClassification

SIDES = {"digits": (8, 1)}  # image side and channels; CIFAR's for all others


@dataclasses.dataclass(frozen=True)
class Workload:
    """A supernet with initial weights, and images.

    Attributes:
      supernet: the network.
      weights: parameters and running statistics.
      pixels: uint8 [N, H, W, C].
      labels: int32 [N].
    """

    supernet: Any
    weights: tuple[Slots, Slots]
    pixels: jax.Array
    labels: jax.Array

    @property
    def space(self) -> Any:
        """What was built."""
        return self.supernet.space

    @property
    def task(self) -> ImageClassification:
        """Classification, with made-up statistics of the pixels."""
        channels = self.pixels.shape[-1]
        return ImageClassification(
            mean=jnp.full(channels, 0.5),
            std=jnp.full(channels, 0.25),
            input_shape=self.space.input_shape,
            num_outputs=self.space.num_classes,
        )

    def images(self, pixels: jax.Array) -> jax.Array:
        """Normalised pixels."""
        return self.task.prepare(pixels)

    def macs(self, archs: np.ndarray) -> np.ndarray:
        """Multiply-accumulates an image of architectures [P, L]."""
        return self.supernet.cost_table().cost(archs)["macs"]


def make_workload(space: str, images: int, form: Form = "switch") -> Workload:
    """Builds the supernet of a registered space with random weights and pixels.

    Statistics and classifier are drawn wide apart, so that architectures differ as they
    do after training.
    """
    side, channels = SIDES.get(space, (32, 3))
    built = build_space(SpaceOptions(name=space), (side, side, channels), 10)
    supernet = build_supernet(built, form)
    params, stats = supernet.init(jax.random.key(0))
    params["fixed"][-1] = params["fixed"][-1] * 100
    generator = np.random.default_rng(0)
    stats = jax.tree.map(
        lambda row: jnp.asarray(generator.uniform(0.3, 1.0, row.shape), jnp.float32),
        stats,
    )
    pixels = generator.integers(0, 256, (images, side, side, channels))
    labels = generator.integers(0, 10, images)
    return Workload(
        supernet,
        (params, stats),
        jnp.asarray(pixels, jnp.uint8),
        jnp.asarray(labels, jnp.int32),
    )


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
