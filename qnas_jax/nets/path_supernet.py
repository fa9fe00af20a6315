"""What the supernets of chains and of cells do alike: run one path, several, or all.

A network is its stem, which all architectures share, and what lies behind it; a kind of
network says what that is.
"""

import abc
from typing import Any

import jax

from qnas_jax.nets.blocks import FixedBlocks
from qnas_jax.nets.each_once import check_once
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.paths import run_paths
from qnas_jax.nets.precision import cast_rows, exact
from qnas_jax.nets.protocol import Passed
from qnas_jax.nets.slots import Slots, take_path
from qnas_jax.nets.visiting import VisitingOrder, Visitor, visit_in_blocks
from qnas_jax.spaces import BuildableSpace


class PathSupernet(abc.ABC):
    """The part of `nets.Supernet` that runs; its methods are documented there.

    Attributes:
      space: what it was built from.
      form: how the ops of a layer are run.
    """

    space: BuildableSpace
    form: Form
    _fixed: FixedBlocks
    """Stem first, head last."""
    _num_stem: int
    """How many of them are the stem."""
    _first_head: int
    """Place of the first block of the head among the fixed ones."""
    _mean: int
    """Place of the mean over the pixels; of the head's first block without one."""

    @abc.abstractmethod
    def _behind_the_stem(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
    ) -> Passed:
        """Runs a path from the output of the stem [N, ...] to the logits."""

    def in_precision(self, params: Slots, precision: Any) -> Slots:
        """Casts the rows of blocks before the mean over the pixels."""
        return cast_rows(params, precision, self._mean)

    def apply(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        inputs: jax.Array,
        *,
        mode: Mode,
    ) -> tuple[jax.Array, Slots]:
        """Runs one path int32 [L]: logits [N, num_classes] and its new statistics."""
        passed = self.forward(params, stats, arch, inputs, mode=mode)
        return passed.logits, passed.stats

    def forward(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        inputs: jax.Array,
        *,
        mode: Mode,
    ) -> Passed:
        """Runs one path, arch int32 [L], on inputs [N, ...], and shows its features."""
        values, stem_stats = self.stem(params, stats, inputs, mode=mode)
        return self._behind_the_stem(params, stats, arch, values, stem_stats, mode)

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
        """Runs paths int32 [S, L] on a batch [N, ...]; the stem runs once.

        Raises:
          UserError: `once`, and there are not as many paths as every layer has ops.
        """
        if once:
            check_once(self.space, archs)
        values, stem_stats = self.stem(params, stats, inputs, mode=mode)
        return self._run_paths(params, stats, archs, values, stem_stats, mode, once)

    def _run_paths(
        self,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
        once: bool,
    ) -> tuple[jax.Array, Slots]:
        """Several paths from the output of the stem; `once` may be made use of."""
        del once

        def run(params: Slots, stats: Slots, arch: jax.Array) -> Any:
            passed = self._behind_the_stem(
                params, stats, arch, values, stem_stats, mode
            )
            return passed.logits, passed.stats

        return run_paths(run, params, stats, archs, self.form)

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
        """Passes inputs [N, ...] through a population; the stem runs once."""
        shared = jax.tree.map(lambda row: row[0], stats)
        values, stem_stats = self.stem(params, shared, inputs, mode=mode)

        def run(place: jax.Array) -> tuple[jax.Array, Slots]:
            arch = order.archs[place]
            path, own_stats = path_at(params, stats, order, place)
            passed = self._behind_the_stem(
                path, own_stats, arch, values, stem_stats, mode
            )
            return passed.logits, passed.stats

        at_once = block if self.form == "padded" else 1
        return visit_in_blocks(run, order, at_once, visitor, carry)

    def stem(
        self, params: Slots, stats: Slots, inputs: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks before what is searched.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          inputs: [N, ...].
          mode: how batch normalisation behaves.

        Returns:
          Values [N, ...] and the new statistics of the stem.
        """
        places = slice(0, self._num_stem)
        return self._fixed.run(places, params, stats, inputs, mode)

    def head(
        self, params: Slots, stats: Slots, values: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks behind what is searched.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          values: [N, ...], the output of the last searched place.
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the new statistics of the head.
        """
        places = slice(self._first_head, None)
        logits, found = self._fixed.run(places, params, stats, values, mode)
        return exact(logits), found

    def _with_head(
        self,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        fixed_stats: list[jax.Array],
        layer_stats: list[jax.Array],
        mode: Mode,
    ) -> Passed:
        """Runs the head and shows what its mean is taken of.

        Args:
          params: a path's parameters.
          stats: a path's running statistics.
          values: [N, ...], the output of the last searched place.
          fixed_stats: new statistics of the fixed blocks before the head.
          layer_stats: new statistics of what is searched.
          mode: how batch normalisation behaves.
        """
        features, norm_stats = self._fixed.run(
            slice(self._first_head, self._mean), params, stats, values, mode
        )
        logits, head_stats = self._fixed.run(
            slice(self._mean, None), params, stats, features, mode
        )
        fixed = [*fixed_stats, *norm_stats, *head_stats]
        return Passed(exact(logits), features, {"fixed": fixed, "layers": layer_stats})


def path_at(
    params: Slots, stats: Slots, order: VisitingOrder, place: jax.Array
) -> tuple[Slots, Slots]:
    """What belongs to an architecture of a walk.

    Args:
      params: the supernet's parameters.
      stats: the statistics of each architecture, `Slots` with a leading [P].
      order: the walk.
      place: int32 scalar, in `order.archs`.

    Returns:
      The path's parameters and its statistics.
    """
    path = take_path(params, order.archs[place])
    return path, jax.tree.map(lambda rows: rows[place], stats)
