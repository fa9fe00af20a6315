"""What the stages of an architecture search share: data, space, network, scorer."""

import dataclasses
from functools import cached_property

import jax
import jax.numpy as jnp

from qnas_jax import data
from qnas_jax.evaluation import ScorePopulation, ScoringOptions, make_population_scorer
from qnas_jax.jobs.nas.config import NasConfig
from qnas_jax.jobs.setting import Setting
from qnas_jax.nets import Supernet, build_supernet
from qnas_jax.spaces import CostTable, SearchSpace, build_space


@dataclasses.dataclass
class NasSetting(Setting):
    """One run; what is costly is built when it is first asked for."""

    config: NasConfig

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

    def scorer(self, options: ScoringOptions) -> ScorePopulation:
        """Builds the population scorer, calibrated on training images."""
        calibration = jnp.asarray(
            self.dataset.train.images[: options.calibration_images]
        )
        return make_population_scorer(self.supernet, options, *self.pixels, calibration)
