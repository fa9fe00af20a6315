"""The networks and data that a supernet is trained with: smaller than the real ones.

What is ranked are architectures, and a network with fewer channels on smaller images
ranks them for a fraction of the operations. Everything after the search (costs,
retraining, the report) is about the real networks.
"""

import dataclasses
from functools import cached_property

import jax

from qnas_jax import data
from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.config import NasConfig
from qnas_jax.nets import Supernet, build_supernet, resolve_form
from qnas_jax.options import option_group
from qnas_jax.spaces import (
    BuildableSpace,
    SearchSpace,
    SpaceOptions,
    build_space,
    narrowed,
)
from qnas_jax.tasks import Task, make_task
from qnas_jax.training import SupernetOptions


def reduced_space(
    config: NasConfig, space: SearchSpace, input_shape: tuple[int, ...], outputs: int
) -> BuildableSpace:
    """The space as the supernet has it.

    Args:
      config: `supernet.width`, `supernet.cells`, `data.side`.
      space: the real one.
      input_shape: of the real inputs.
      outputs: of a network.

    Returns:
      The space, with the same architectures.

    Raises:
      UserError: it has other ops at that size, or is no space of networks.
    """
    smaller = space
    if config.data.side:
        with option_group("data", data.DataOptions):
            shape = data.resized_shape(input_shape, config.data.side)
        with option_group("space", SpaceOptions):
            smaller = build_space(config.space, shape, outputs)
    if not isinstance(smaller, BuildableSpace) or smaller.choices != space.choices:
        raise UserError(
            f"data.side: got {config.data.side}, expected a size at which the space "
            f"{space.name!r} has the same ops as at {input_shape[0]}"
        )
    with option_group("supernet", SupernetOptions):
        return narrowed(smaller, config.supernet.width, config.supernet.cells)


@dataclasses.dataclass
class ReducedNetworks:
    """What a supernet is trained with; each part is made when it is first asked for.

    Attributes:
      config: that of the run.
      full: its data set.
      full_space: its space.
    """

    config: NasConfig
    full: data.Dataset
    full_space: SearchSpace

    @cached_property
    def dataset(self) -> data.Dataset:
        """The data set with smaller images."""
        with option_group("data", data.DataOptions):
            return data.resized(self.full, self.config.data.side)

    @cached_property
    def task(self) -> Task:
        """The task on them; pixels are normalised by their own statistics."""
        return make_task(self.config.task, self.dataset)

    @cached_property
    def space(self) -> BuildableSpace:
        """The same architectures, of narrower networks."""
        return reduced_space(
            self.config, self.full_space, self.full.input_shape, self.task.num_outputs
        )

    @cached_property
    def supernet(self) -> Supernet:
        """The network that holds all ops."""
        return build_supernet(self.space, resolve_form(self.config.supernet.form))

    @cached_property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        """Validation inputs [N, ...] and targets [N, ...] on the device."""
        return data.on_device(self.dataset.valid)
