"""What all stages work with: configuration, folder, data, space, network, keys."""

import dataclasses
import sys
import zlib
from collections.abc import Callable
from functools import cached_property

import jax
import jax.numpy as jnp

from qnas_jax import data
from qnas_jax.evaluation import ScorePopulation, ScoringOptions, make_population_scorer
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.runs import WorkFolder, progress
from qnas_jax.spaces import CostTable, SearchSpace, build_space
from qnas_jax.stages.config import RunConfig
from qnas_jax.training import Progress


@dataclasses.dataclass
class Setting:
    """One run; what is costly is built when it is first asked for.

    Attributes:
      config: all options.
      folder: the work folder.
      should_stop: whether the user asked to stop.
      progress: shows how far a loop is.
      say: tells the user where the run is, one line at a time.
    """

    config: RunConfig
    folder: WorkFolder
    should_stop: Callable[[], bool] = lambda: False
    progress: Progress = progress
    say: Callable[[str], object] = lambda line: sys.stderr.write(line + "\n")

    @cached_property
    def dataset(self) -> data.Dataset:
        """The data set, split."""
        return data.load(self.config.data)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space for this data set."""
        return build_space(
            self.config.space, self.dataset.image_shape, self.dataset.num_classes
        )

    @cached_property
    def supernet(self) -> Supernet:
        """The network that holds all ops."""
        return build_supernet(self.space)

    @cached_property
    def costs(self) -> CostTable:
        """Costs of every op."""
        return self.supernet.cost_table()

    @cached_property
    def pixels(self) -> tuple[jax.Array, jax.Array]:
        """Mean and standard deviation of the training pixels, [C] each."""
        return jnp.asarray(self.dataset.mean), jnp.asarray(self.dataset.std)

    @cached_property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        """Validation images and labels on the device."""
        return data.on_device(self.dataset.valid)

    def scored_images(self, count: int) -> tuple[jax.Array, jax.Array]:
        """The first validation images and labels; all for a count of 0."""
        images, labels = self.valid
        return (images[:count], labels[:count]) if count else (images, labels)

    def key(self, stream: str) -> jax.Array:
        """The root key of a named stream of randomness."""
        root = jax.random.key(self.config.seed)
        return jax.random.fold_in(root, zlib.crc32(stream.encode()))

    def scorer(self, options: ScoringOptions) -> ScorePopulation:
        """Builds the population scorer, calibrated on training images."""
        calibration = jnp.asarray(
            self.dataset.train.images[: options.calibration_images]
        )
        return make_population_scorer(self.supernet, options, *self.pixels, calibration)
