"""A proxy as the evaluator of a search that trains nothing."""

from collections.abc import Callable

import jax

from qnas_jax.evaluation.proxies.network import ProxyNetwork
from qnas_jax.evaluation.proxies.scores import proxy_scores


def make_proxy_evaluator(
    network: ProxyNetwork,
    name: str,
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
) -> Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Builds `evaluate(key, archs)` as `search.scan_search` wants it.

    The key is the same in all generations, so an architecture has one score.
    Run one search a program: under `vmap` every op of every layer would be computed.

    Args:
      network: the network of the space.
      name: key of `PROXIES`.
      images: float32 [N, H, W, C], normalised training images.
      labels: int32 [N].
      key: of weights and noise; consumed.

    Returns:
      evaluate(key, archs int32 [P, L]) -> (archs, scores float32 [P]).

    Raises:
      UserError: when it is called, as `proxy_scores`.
    """

    def evaluate(_: jax.Array, archs: jax.Array) -> tuple[jax.Array, jax.Array]:
        return archs, proxy_scores(network, [name], archs, images, labels, key)[name]

    return evaluate
