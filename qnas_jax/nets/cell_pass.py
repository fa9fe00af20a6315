"""What accumulates while a batch passes through a network, and by which rules."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import materialise
from qnas_jax.nets.cell_ops import normalise

Watch = Callable[[jax.Array], jax.Array]


class Passed(NamedTuple):
    """What a batch leaves behind on its way through a network.

    Attributes:
      logits: [N, classes].
      features: [N, H, W, C], what the mean over the pixels is taken of.
      watched: sum over all ReLUs of what `watch` makes of their inputs; None without.
      log_spread: sum over all batch normalisations of the log of the scale that they
        divided out.
      log_scale: log of what the logits were divided by to keep them in range; 0 with
        batch normalisation.
    """

    logits: jax.Array
    features: jax.Array
    watched: jax.Array | None
    log_spread: jax.Array
    log_scale: jax.Array


class PassSums(NamedTuple):
    """The sums of `Passed` on the way; `watched` is 0 if nothing is watched."""

    watched: jax.Array
    log_spread: jax.Array
    log_scale: jax.Array


@dataclasses.dataclass(frozen=True)
class PassRules:
    """How a batch passes.

    Attributes:
      normalised: with batch normalisation, or divided by the mean magnitude instead.
      watch: what to sum over the inputs of all ReLUs, or None.
    """

    normalised: bool
    watch: Watch | None

    def start(self, values: jax.Array) -> PassSums:
        """Zeros.

        Args:
          values: some input of a ReLU, or what has as many images.

        Returns:
          The sums before the first layer.
        """
        shape: tuple[int, ...] = ()
        if self.watch is not None:
            shape = jax.eval_shape(self.watch, values).shape
        return PassSums(jnp.zeros(shape), jnp.zeros(()), jnp.zeros(()))

    def see(self, values: jax.Array, sums: PassSums, times: Any = 1) -> PassSums:
        """Adds what `watch` makes of the input of so many ReLUs, perhaps none."""
        watch = self.watch
        if watch is None:
            return sums
        watched = lax.cond(
            jnp.asarray(times) > 0,
            lambda: sums.watched + times * watch(lax.stop_gradient(values)),
            lambda: sums.watched,
        )
        return sums._replace(watched=watched)

    def normalise(
        self, values: jax.Array, sums: PassSums
    ) -> tuple[jax.Array, PassSums]:
        """Batch normalisation, if there is any."""
        if not self.normalised:
            return values, sums
        values, spread = normalise(materialise(values))
        return values, sums._replace(log_spread=sums.log_spread + spread)

    def in_range(self, values: jax.Array, sums: PassSums) -> tuple[jax.Array, PassSums]:
        """Without normalisation, divides by the mean magnitude and remembers it."""
        if self.normalised:
            return values, sums
        scale = lax.stop_gradient(jnp.abs(values).mean())
        scale = jnp.where(scale > 0, scale, 1.0)
        return values / scale, sums._replace(log_scale=sums.log_scale + jnp.log(scale))
