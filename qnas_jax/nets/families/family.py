"""What ops of a layer that are run as one body have in common.

An op says by a method `in_family()` of which family it is, which of its variables are
which arrays of the family, and what is chosen for it. A family is a class that runs all
of its members in one body without control flow:

    class Scaled(Family):
        def apply(self, mode, op, params, stats, inputs):
            twice = self.choice("twice", op)  # data, or one value if all agree
            values = depthwise_conv(inputs, params["kernel"])
            return jnp.where(twice, 2 * values, values), {}

    class MyOp(nnx.Module):
        def in_family(self):
            return Member(Scaled, {"kernel": self.kernel}, choices={"twice": True})

The arrays come padded with zeros to the largest member's: `fields` says how, and its
default suits kernels and channels. What a member computes must not change if its arrays
grow by zeros.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.nets.families.norms import Arrays
from qnas_jax.nets.families.rows import Field, Placing
from qnas_jax.nets.flat import Mode

Fields = tuple[tuple[Field, ...], tuple[Field, ...]]
"""The padded arrays of parameters and of statistics."""


@dataclasses.dataclass(frozen=True)
class Member:
    """How an op is written as a member of a family.

    Attributes:
      family: the class of the family; members of one layer are one instance.
      params: the variables of the op by the name of the family's array.
      stats: likewise its running means and variances.
      choices: what the family does for this op, by names of the family's; hashable.
    """

    family: Callable[..., "Family"]
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stats: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    choices: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """A family in one layer; a subclass says how its members are run.

    Attributes:
      in_features: channels of the input.
      out_features: channels of the output.
      stride: of the layer.
      members: for each op of the layer its description, or None if it is no member.
    """

    in_features: int
    out_features: int
    stride: int
    members: tuple[Member | None, ...]

    @property
    def own(self) -> list[Member]:
        """The descriptions of the members."""
        return [each for each in self.members if each is not None]

    def fields(self) -> Fields:
        """The padded arrays: the largest sizes, kernels of [k, k, ...] centred."""
        return (
            _largest([each.params for each in self.own]),
            _largest([each.stats for each in self.own]),
        )

    def choice(self, name: str, op: jax.Array) -> Any:
        """What is chosen for an op.

        Args:
          name: of the choice; members may lack it.
          op: int32 scalar.

        Returns:
          The value if all members that have it agree, else data: bool or int32 scalar.
          Values must then be bools or ints.
        """
        chosen = {each.choices[name] for each in self.own if name in each.choices}
        if len(chosen) == 1:
            return chosen.pop()
        values = [
            each.choices.get(name, 0) if each is not None else 0
            for each in self.members
        ]
        return jnp.asarray(np.asarray(values))[op]

    def apply(
        self,
        mode: Mode,
        op: jax.Array,
        params: Arrays,
        stats: Arrays,
        inputs: jax.Array,
    ) -> tuple[jax.Array, Arrays]:
        """Runs one member.

        Args:
          mode: how batch normalisation behaves (see `Norms`).
          op: int32 scalar; if it is no member all arrays are zeros, and the output
            means nothing.
          params: its padded parameters by name, of the shapes of `fields`.
          stats: its padded running statistics, likewise.
          inputs: [N, ...]; their precision is that of products and values.

        Returns:
          The output [N, ...], and new statistics by name; those left out keep their
          values.
        """
        raise NotImplementedError

    def largest(self, shape: tuple[int, ...]) -> int:
        """Values of the largest array inside, for one input of a shape."""
        return math.prod(shape[:-1]) * max(self.in_features, self.out_features)


def member_of(module: Any) -> Member | None:
    """What an op says of its family.

    An op that inherits `in_family` and computes something of its own is no member.

    Args:
      module: the op, with arrays or their shapes.

    Returns:
      Its description, or None.
    """
    return module.in_family() if says_for_itself(type(module), "in_family") else None


def says_for_itself(kind: type[nnx.Module], name: str) -> bool:
    """Whether a class has an attribute that was written with its computation in view.

    That is: no class between the one that has the attribute and this one computes
    otherwise.

    Args:
      kind: class of an op.
      name: of the attribute.

    Returns:
      Whether it has, and what it says holds.
    """
    for each in kind.__mro__:
        if name in vars(each):
            return True
        if {"__call__", "pieces"} & set(vars(each)):
            return False
    return False


def _largest(arrays: list[Mapping[str, Any]]) -> tuple[Field, ...]:
    names = dict.fromkeys(name for each in arrays for name in each)
    return tuple(
        largest_field(name, [tuple(a[name].shape) for a in arrays if name in a])
        for name in names
    )


def largest_field(name: str, shapes: list[tuple[int, ...]]) -> Field:
    """A field with room for arrays of some shapes; some may lack leading axes.

    Args:
      name: of the field.
      shapes: of the arrays.

    Returns:
      The field, centred if the first two axes of all are those of a kernel.
    """
    rank = max(map(len, shapes))
    equal = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    kernels = rank >= 3 and all(each[0] == each[1] and each[0] % 2 for each in equal)
    placing: Placing = "centred" if kernels else "first"
    return Field(name, tuple(map(max, *equal, equal[0])), placing)
