"""What proxies look at: passes through one network, each computed once if needed."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from qnas_jax.evaluation.proxies.network import Measured, ProxyNetwork


@dataclasses.dataclass
class Subject:
    """One architecture under examination; lives while a program is traced.

    Attributes:
      network: its network.
      arch: int32 [L].
      weights: its weights, as networks start.
      images: float [N, H, W, C], normalised training images.
      labels: int32 [N].
      normal_weights: the same from normal(0, 1), or None if no proxy wants them.
      noise: two arrays normal(0, 1), float [N, H, W, C] as images, or None likewise.
      relus: whether a proxy will ask for `code_agreement`, which then comes from the
        pass of the loss.
    """

    network: ProxyNetwork
    arch: jax.Array
    weights: Any
    images: jax.Array
    labels: jax.Array
    normal_weights: Any = None
    noise: tuple[jax.Array, jax.Array] | None = None
    relus: bool = True

    @functools.cached_property
    def loss_gradient(self) -> Any:
        """Gradient of the mean cross-entropy to the weights, in their form."""
        return self._loss_gradient_and_codes[0]

    @functools.cached_property
    def code_agreement(self) -> jax.Array:
        """How many ReLUs two images agree on, float [N, N] (see `naswot`)."""
        if "_loss_gradient_and_codes" in self.__dict__:
            return self._loss_gradient_and_codes[1]
        passed = self.network.run(self.weights, self.arch, self.images, watch=agreement)
        return _watched(passed)

    @functools.cached_property
    def _loss_gradient_and_codes(self) -> tuple[Any, jax.Array]:
        """Both come from one pass."""
        watch = agreement if self.relus else None

        def loss(weights: Any) -> tuple[jax.Array, jax.Array]:
            passed = self.network.run(weights, self.arch, self.images, watch=watch)
            losses = optax.softmax_cross_entropy_with_integer_labels(
                passed.logits, self.labels
            )
            return losses.mean(), jnp.zeros(()) if watch is None else _watched(passed)

        return jax.grad(loss, has_aux=True)(self.weights)

    @functools.cached_property
    def image_gradient(self) -> jax.Array:
        """Gradient of the sum of all logits to the images, [N, H, W, C]."""

        def logits(images: jax.Array) -> jax.Array:
            return self.network.run(self.weights, self.arch, images).logits.sum()

        return jax.grad(logits)(self.images)

    def weight_sums(self, values: Any) -> jax.Array:
        """`layer_sums` of one value a weight, float [layers]."""
        return self.network.layer_sums(values, self.arch)


def agreement(values: jax.Array) -> jax.Array:
    """For each two images the number of ReLUs that both open or both close.

    Args:
      values: [N, ...], inputs of ReLUs.

    Returns:
      float32 [N, N]: the number of values minus the Hamming distance of the codes.
    """
    signs = jnp.where(values > 0, 1.0, -1.0).reshape(len(values), -1)
    return (signs @ signs.T + signs.shape[1]) / 2


def _watched(passed: Measured) -> jax.Array:
    assert passed.watched is not None  # `agreement` was passed in.
    return passed.watched
