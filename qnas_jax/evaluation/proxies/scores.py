"""Proxy scores of a whole population in one compiled call."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp

from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.evaluation.proxies.network import ProxyNetwork
from qnas_jax.evaluation.proxies.registry import PROXIES
from qnas_jax.evaluation.proxies.subject import Subject
from qnas_jax.kernels import jit_network
from qnas_jax.nets import Supernet
from qnas_jax.spaces import BuildableSpace, CostTable, NetworkSpace

ScoreByProxies = Callable[[Any], dict[str, jax.Array]]


def proxy_scores(
    supernet: Supernet,
    names: Sequence[str],
    archs: Any,
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
) -> dict[str, jax.Array]:
    """Scores architectures by zero-cost proxies, as `make_proxy_scorer` says.

    Args:
      supernet: the networks of the space.
      names: keys of `PROXIES`.
      archs: integers [P, L].
      images: float32 [N, H, W, C], normalised training images; the papers use 64.
      labels: int32 [N].
      key: of the weights and of noise; consumed.

    Returns:
      For each name float32 [P].

    Raises:
      UserError: an unknown proxy, one that takes words for quantities, or no image.
    """
    return make_proxy_scorer(supernet, names, images, labels, key)(archs)


def make_proxy_scorer(
    supernet: Supernet,
    names: Sequence[str],
    images: jax.Array,
    labels: jax.Array,
    key: jax.Array,
    *,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> ScoreByProxies:
    """Builds a scorer of populations that trains nothing.

    One architecture passes after the other, in one program; the architecture is data.
    Several devices take a part of a population each.
    What several proxies need is computed once. Images and noise are the same for all;
    weights are drawn anew for each architecture, by a key that depends on it, so its
    score does not depend on what else is in the population.

    Args:
      supernet: the networks of the space.
      names: keys of `PROXIES`.
      images: float32 [N, H, W, C], normalised training images; the papers use 64.
      labels: int32 [N].
      key: of the weights and of noise; consumed.
      devices: among which a population is divided.

    Returns:
      score(archs int32 [P, L]) -> for each name float32 [P], larger promises a better
      network; networks that a proxy has nothing to say about have -inf. It may be
      called while another program is traced, but not under `vmap`, where every op of
      every layer would be computed.

    Raises:
      UserError: an unknown proxy, one that takes words for quantities, or no image.
    """
    _check(supernet, names, images)
    chex.assert_shape(labels, (len(images),))
    wanted = [PROXIES[name] for name in PROXIES if name in names]
    measured = tuple(proxy.name for proxy in wanted if proxy.score is not None)
    costs = supernet.cost_table() if len(measured) < len(wanted) else None

    def score(archs: Any) -> dict[str, jax.Array]:
        archs = jnp.asarray(archs, jnp.int32)
        chex.assert_shape(archs, (None, supernet.space.num_layers))
        scores: dict[str, jax.Array] = {}
        if measured:
            placed = devices.replicated((archs, images, labels, key))
            scores = _program(supernet, measured, devices)(*placed)
        for proxy in wanted:
            if proxy.cost and costs is not None:
                scores[proxy.name] = _count(costs, proxy.cost, archs)
        return {name: scores[name] for name in names}

    return score


@functools.lru_cache(maxsize=32)
def _program(
    supernet: Supernet, names: tuple[str, ...], devices: Devices
) -> Callable[..., Any]:
    """The compiled form of `_measure`: (archs, images, labels, key) -> by name [P]."""
    measure = functools.partial(_measure, ProxyNetwork(supernet), names)

    def score(archs: jax.Array, *whole: jax.Array) -> dict[str, jax.Array]:
        found: dict[str, jax.Array] = devices.over_members(measure)(whole, archs)
        return found

    return jit_network(score)


def _measure(
    network: ProxyNetwork,
    names: tuple[str, ...],
    whole: tuple[jax.Array, jax.Array, jax.Array],
    archs: jax.Array,
) -> dict[str, jax.Array]:
    images, labels, key = whole
    weights_key, noise_key = jax.random.split(key)
    noisy = any(PROXIES[name].noise for name in names)
    relus = any(PROXIES[name].relus for name in names)
    noise = None
    if noisy:
        start_key, step_key = jax.random.split(noise_key)
        noise = (
            jax.random.normal(start_key, images.shape),
            jax.random.normal(step_key, images.shape),
        )

    def measure(arch: jax.Array) -> dict[str, jax.Array]:
        plain_key, normal_key = jax.random.split(key_of_arch(weights_key, arch))
        # One draw for all architectures would tie them: a kernel that happens to be
        # bad would drag down all that have it.
        weights = network.path(plain_key, arch)
        subject = Subject(
            network,
            arch,
            weights,
            images,
            labels,
            normal_weights=network.redraw(normal_key, weights, arch) if noisy else None,
            noise=noise,
            relus=relus,
        )
        found = {}
        for name in names:
            score = PROXIES[name].score
            assert score is not None  # the scorer left the others out
            found[name] = _without_nan(score(subject))
        return found

    return jax.lax.map(measure, archs)


def key_of_arch(key: jax.Array, arch: jax.Array) -> jax.Array:
    """The key [] of an architecture int32 [L]; the given key is only folded."""
    for op in arch:
        key = jax.random.fold_in(key, op)
    return key


def _without_nan(score: jax.Array) -> jax.Array:
    """A score that cannot be computed says that the network is useless."""
    return jnp.where(jnp.isnan(score), -jnp.inf, score)


def _count(table: CostTable, column: str, archs: jax.Array) -> jax.Array:
    """Parameters or multiply-accumulates, float32 [P]."""
    own = jnp.asarray(table.by_op[column], jnp.float32)
    chosen = own[jnp.arange(archs.shape[1])[None], archs]
    return chosen.sum(axis=-1) + table.fixed[column]


def _check(supernet: Supernet, names: Sequence[str], images: jax.Array) -> None:
    unknown = [name for name in names if name not in PROXIES]
    if unknown or not names:
        raise UserError(
            f"proxies: got {', '.join(names) or 'none'}, expected some of "
            f"{', '.join(PROXIES)}"
        )
    wrong = [name for name in names if PROXIES[name].quantities]
    if wrong and _looks_up_words(supernet.space):
        others = [name for name, proxy in PROXIES.items() if not proxy.quantities]
        raise UserError(
            f"proxies: got {', '.join(wrong)}, expected some of {', '.join(others)}: "
            f"networks of space {supernet.space.name!r} are told numbers of words"
        )
    shape = supernet.space.input_shape
    if images.ndim < 2 or len(images) == 0 or images.shape[1:] != shape:
        raise UserError(
            f"images: got {images.shape}, expected (N, {', '.join(map(str, shape))}) "
            "with N >= 1"
        )


def _looks_up_words(space: BuildableSpace) -> bool:
    """Whether networks of a space begin with a table of words."""
    if not isinstance(space, NetworkSpace) or not space.stem:
        return False
    return "words" in dict(space.stem[0].ops[0].options)
