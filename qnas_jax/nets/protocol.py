"""What a network that holds all ops of a space offers, whatever its form."""

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from flax import nnx

from qnas_jax.nets.costs import Part
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.slots import RowArrays, RowKind, Slots
from qnas_jax.nets.visiting import VisitingOrder, Visitor
from qnas_jax.spaces import BuildableSpace, CostTable


class Passed(NamedTuple):
    """What a batch leaves behind on its way through a path.

    Attributes:
      logits: [N, num_classes].
      features: [N, ...], what the mean over the pixels is taken of; the output of the
        last searched place if there is no such mean.
      stats: the path's new statistics.
    """

    logits: jax.Array
    features: jax.Array
    stats: Slots


class Supernet(Hashable, Protocol):
    """The static part of a supernet; its arrays travel beside it, as rows.

    Scoring, training, retraining, costs and descriptions know a network by this alone.
    Weights are `Slots` (`nets/slots.py`): for each searched place l (the layer of a
    chain, the edge of a cell) a matrix [K_l, D_l] with a row an op, and rows of the
    blocks that all architectures have. A *path* is the part of one architecture, as
    `take_path` reads it and `put_path` writes it back; samplers, optimisers and
    checkpoints work on rows and do not know what is in them.

    The architecture is data: one compiled program serves all. A block computes in the
    precision of its own row of parameters (`nets/precision.py`). There are two forms of
    execution (`nets/forms.py`) with the same weights and results: `apply` of a padded
    one may be `vmap`ped over paths, that of one that switches never.
    """

    @property
    def space(self) -> BuildableSpace:
        """The architectures, the shape of an input, and the number of classes."""

    @property
    def form(self) -> Form:
        """How the ops of a layer are run."""

    @property
    def largest_values(self) -> int:
        """Values of the largest array inside of a network for one input.

        Of the widest op, in the form's own size; for estimates of memory.
        """

    def init(self, key: jax.Array) -> tuple[Slots, Slots]:
        """Draws initial weights.

        Args:
          key: consumed.

        Returns:
          Parameters and running statistics.
        """

    def apply(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        inputs: jax.Array,
        *,
        mode: Mode,
    ) -> tuple[jax.Array, Slots]:
        """Runs one path; may be differentiated with respect to `params` and `inputs`.

        Args:
          params: a path's parameters.
          stats: a path's running statistics; they carry no gradient.
          arch: int32 [L].
          inputs: [N, ...].
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the path's new statistics.
        """

    def forward(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        inputs: jax.Array,
        *,
        mode: Mode,
    ) -> Passed:
        """As `apply`, arch int32 [L] and inputs [N, ...], for those who look inside.

        See also `nets/probing.py`.
        """

    def apply_paths(
        self,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        inputs: jax.Array,
        *,
        mode: Mode,
        once: bool = False,
    ) -> tuple[jax.Array, Slots]:
        """Runs several paths on one batch; may be differentiated as `apply`.

        Padded, the paths are a `vmap`; else they run one after the other.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics; they carry no gradient.
          archs: int32 [S, L].
          inputs: [N, ...].
          mode: how batch normalisation behaves.
          once: promises that each column of `archs` is a permutation of all ops of its
            layer, as in strict fairness. Padded, each op then runs once, at its own
            size.

        Returns:
          Logits [S, N, num_classes] and the supernet's new statistics: a row that
          several paths used, as those of fixed blocks, gets the mean of their new ones,
          others keep theirs.

        Raises:
          UserError: `once`, and there are not as many paths as every layer has ops.
        """

    def in_precision(self, params: Slots, precision: Any) -> Slots:
        """Casts what is to be computed in a precision; may be differentiated.

        Args:
          params: the supernet's parameters, or a path's.
          precision: a dtype or its name.

        Returns:
          The rows, cast up to the mean over the pixels; the blocks behind keep theirs.
        """

    def visit(
        self,
        params: Slots,
        stats: Slots,
        order: VisitingOrder,
        inputs: jax.Array,
        *,
        mode: Mode,
        visitor: Visitor,
        carry: Any,
        block: int = 1,
    ) -> Any:
        """Passes a batch through all distinct architectures of a population.

        What architectures have in common may be computed once. Memory grows with
        `block`, not with the population, but for what the visitor keeps.

        Args:
          params: the supernet's parameters.
          stats: the statistics of each architecture of `order.archs`: `Slots` of a path
            with a leading [P].
          order: the distinct architectures (see `visiting_order`).
          inputs: [N, ...].
          mode: how batch normalisation behaves.
          visitor: called for each; its place is that in `order.archs`.
          carry: what the first call gets.
          block: how many architectures a padded network runs at once; the other form
            runs one after the other.

        Returns:
          The last carry.
        """

    def cut(self, params: Slots, stats: Slots, arch: Any) -> nnx.Module:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [L].

        Returns:
          A module that owns copies of the chosen weights and no others. It is called as
          `module(inputs, drop_path=0.0, key=None)` and yields the logits.

        Raises:
          UserError: the architecture is not one of the space.
        """

    def row_arrays(self, kind: RowKind) -> RowArrays:
        """Names the arrays in the rows.

        Args:
          kind: of parameters or of running statistics.

        Returns:
          Name, place and shape of each array, for every op.
        """

    def cost_table(self) -> CostTable:
        """Counts the costs of every op at every place (`nets.costs.OpCosts`).

        Raises:
          UserError: the ops of a place do not agree on the shape of their output.
        """

    def peak_bytes(self, archs: Any) -> np.ndarray:
        """The most bytes of activations at one time, for one input in float32.

        By the rules of `nets/memory.py`; weights come on top. A maximum, so it is in no
        cost table.

        Args:
          archs: integers [P, L].

        Returns:
          int64 [P].

        Raises:
          UserError: they are none of the space, or the ops of a place do not agree on
            the shape of their output.
        """

    def parts(self) -> list[Part]:
        """Every op at its place, and the fixed blocks: what can be measured alone.

        The costs of an architecture are those of its parts, as often as a network has
        them; what the sums between the ops of a cell take is in none of them.

        Raises:
          UserError: the ops of a place do not agree on the shape of their output.
        """

    def describe_arch(self, arch: Any) -> list[dict[str, Any]]:
        """Lists the parts of an architecture with shapes and costs.

        Args:
          arch: integers [L].

        Returns:
          One record a part: role (stem, layer, head, or another word for what is not
          searched), layer (its place in the architecture, if searched), op,
          in_features, out_features, stride, resolution (of the input), and its
          `nets.costs.OpCosts`; blocks that run alone also peak_bytes.

        Raises:
          UserError: the architecture is not one of the space.
        """
