"""What runs the ops of one searched place, in either form."""

from collections.abc import Sequence
from typing import Protocol

import jax

from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.padding import padded_layer
from qnas_jax.nets.pieces import OpTemplate, Shape
from qnas_jax.nets.switching import SwitchedLayer
from qnas_jax.spaces import Layer


class Body(Protocol):
    """Runs the op that an architecture names."""

    @property
    def templates(self) -> tuple[OpTemplate, ...]:
        """The candidates."""

    def run(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op.

        Args:
          mode: how batch normalisation behaves.
          op: int32 scalar, which candidate.
          params: its row of parameters [D].
          stats: its row of running statistics [S].
          inputs: [N, ...] in the precision of the parameters.

        Returns:
          The output [N, ...] and the new row of statistics [S].
        """

    def largest(self, shape: Shape) -> int:
        """Values of the largest array inside, for one input of a shape."""


def layer_body(layer: Layer, form: Form) -> Body:
    """Builds the body of a layer; no array is made.

    Args:
      layer: its shape and candidates.
      form: of execution.

    Returns:
      The body.

    Raises:
      UserError: an op is not registered, does not fit its options, or has state other
        than parameters and batch statistics.
    """
    return padded_layer(layer) if form == "padded" else SwitchedLayer.of(layer)


def largest_of(bodies: Sequence[Body], shape: Shape) -> tuple[int, Shape]:
    """The largest array inside of places that follow each other, and their output."""
    largest = 0
    for body in bodies:
        largest = max(largest, body.largest(shape))
        *_, shape = (shape, *body.templates[0].shapes(shape))
    return largest, shape
