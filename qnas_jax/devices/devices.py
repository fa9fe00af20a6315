"""The devices of a run, and how work is divided among them.

A training step divides the examples of its batch: each device computes the gradient of
its share, and weights change everywhere by the mean. Scores and trainings of candidates
divide the architectures. What is not divided lies whole on every device. With one
device nothing is divided, and programs are what they would be without this.
"""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qnas_jax.devices.shares import EXAMPLES
from qnas_jax.errors import UserError

MEMBERS = "members"
"""The axis of the devices among which architectures are divided."""

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True)
class Devices:
    """The first devices that JAX has, those of all processes together.

    Attributes:
      count: how many work, 1 or more.
    """

    count: int = 1

    @classmethod
    def of(cls, wanted: int) -> "Devices":
        """All devices, or some of them.

        Args:
          wanted: how many; 0: all.

        Returns:
          They.

        Raises:
          UserError: there are not as many.
        """
        there = jax.device_count()
        if not 0 <= wanted <= there:
            raise UserError(
                f"--devices: got {wanted}, expected 1..{there}, the devices that JAX "
                f"has here ({jax.default_backend()}), or 0 for all of them"
            )
        return cls(wanted or there)

    def replicated(self, tree: Tree) -> Tree:
        """Puts arrays whole on every device.

        Args:
          tree: of arrays, or of their shapes and types; in a traced function they
            stay where they are.

        Returns:
          The same values, or shapes that say where arrays of them lie; the same where
          there is one device.
        """
        return self._placed(tree, PartitionSpec())

    def fetch(self, tree: Any) -> Any:
        """Copies arrays to the host, also those that other processes hold a part of.

        Args:
          tree: of arrays, divided or whole.

        Returns:
          The same in NumPy.
        """
        if all(leaf.is_fully_addressable for leaf in jax.tree.leaves(tree)):
            return jax.device_get(tree)
        return multihost_utils.process_allgather(tree, tiled=True)

    def divided(self, tree: Tree) -> Tree:
        """Gives every device its part of the members of a population.

        Args:
          tree: of arrays [P, ...], or of their shapes and types; P is a multiple of
            the number of devices.

        Returns:
          The same values, or shapes that say where arrays of them lie; the same where
          there is one device.
        """
        return self._placed(tree, PartitionSpec(MEMBERS))

    def over_examples(
        self, function: Callable[[Any, Any], tuple[Any, Any]], axis: int = 0
    ) -> Callable[[Any, Any], tuple[Any, Any]]:
        """Divides the examples of a batch.

        Args:
          function: (whole, examples) -> (means, outputs): `examples` is a tree of
            arrays [N, ...]; means are over examples, outputs have them in `axis`.
          axis: of the outputs.

        Returns:
          The function with equal results, to rounding. Where the devices do not divide
          N, each of them computes all of it.
        """
        if self.count == 1:
            return function

        def share(whole: Any, examples: Any) -> tuple[Any, Any]:
            means, outputs = function(whole, examples)
            return lax.pmean(means, EXAMPLES), outputs

        def call(whole: Any, examples: Any) -> tuple[Any, Any]:
            if _length(examples) % self.count:
                return function(whole, examples)
            everywhere, divided = PartitionSpec(), PartitionSpec(EXAMPLES)
            outputs = PartitionSpec(*[None] * axis, EXAMPLES)
            shared = jax.shard_map(
                share,
                mesh=self._mesh(EXAMPLES),
                in_specs=(everywhere, divided),
                out_specs=(everywhere, outputs),
                check_vma=False,
            )
            return shared(whole, examples)

        return call

    def over_members(
        self, function: Callable[[Any, Any], Any], *, gather: bool = True
    ) -> Callable[[Any, Any], Any]:
        """Divides the members of a population.

        Args:
          function: (whole, members) -> found: trees of arrays [P, ...] in and out.
          gather: whether what is found is wanted whole on every device; else each
            device keeps that of its own members, P being a multiple of the devices.

        Returns:
          The function with equal results; where the devices do not divide P, the last
          member is computed more than once.
        """
        if self.count == 1:
            return function

        def share(whole: Any, members: Any) -> Any:
            found = function(whole, members)
            return lax.all_gather(found, MEMBERS, tiled=True) if gather else found

        def call(whole: Any, members: Any) -> Any:
            length = _length(members)
            missing = -length % self.count
            filled = jax.tree.map(
                lambda leaf: jnp.concatenate([leaf, jnp.repeat(leaf[-1:], missing, 0)]),
                members,
            )
            everywhere, divided = PartitionSpec(), PartitionSpec(MEMBERS)
            shared = jax.shard_map(
                share,
                mesh=self._mesh(MEMBERS),
                in_specs=(everywhere, divided),
                out_specs=everywhere if gather else divided,
                check_vma=False,
            )
            found = shared(whole, filled if missing else members)
            return jax.tree.map(lambda leaf: leaf[:length], found) if missing else found

        return call

    def added_up(
        self, function: Callable[[Any, Any], Any]
    ) -> Callable[[Any, Any], Any]:
        """Divides the parts of a sum.

        Args:
          function: (whole, parts) -> sums: `parts` is a tree of arrays [P, ...], P a
            multiple of the number of devices. It closes over no array that is placed.

        Returns:
          The function with equal results, to rounding.
        """
        if self.count == 1:
            return function
        everywhere, divided = PartitionSpec(), PartitionSpec(MEMBERS)
        return jax.shard_map(
            lambda whole, parts: lax.psum(function(whole, parts), MEMBERS),
            mesh=self._mesh(MEMBERS),
            in_specs=(everywhere, divided),
            out_specs=everywhere,
            check_vma=False,
        )

    def _placed(self, tree: Tree, spec: PartitionSpec) -> Tree:
        leaves = jax.tree.leaves(tree)
        if self.count == 1 or any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return tree
        where = NamedSharding(self._mesh(MEMBERS), spec)
        placed: Tree = jax.tree.map(
            lambda leaf: (
                jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where)
                if isinstance(leaf, jax.ShapeDtypeStruct)
                else _put(leaf, where)
            ),
            tree,
        )
        return placed

    def _mesh(self, axis: str) -> Mesh:
        return self._meshes[axis]

    @cached_property
    def _meshes(self) -> dict[str, Mesh]:
        devices = jax.devices()[: self.count]
        return {
            axis: jax.make_mesh(
                (self.count,),
                (axis,),
                axis_types=(jax.sharding.AxisType.Auto,),
                devices=devices,
            )
            for axis in (EXAMPLES, MEMBERS)
        }


def _put(leaf: Any, where: NamedSharding) -> jax.Array:
    """An array whose values all processes have, where it is wanted."""
    if where.is_fully_addressable:
        return jax.device_put(leaf, where)
    if isinstance(leaf, jax.Array):
        if not leaf.is_fully_addressable:
            return leaf  # It came from there.
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = _put(jax.random.key_data(leaf), where)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    values = np.asarray(leaf)
    return jax.make_array_from_callback(
        values.shape, where, lambda part: np.asarray(values[part])
    )


def _length(tree: Any) -> int:
    return len(jax.tree.leaves(tree)[0])
