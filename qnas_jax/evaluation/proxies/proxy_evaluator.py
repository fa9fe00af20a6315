"""Zero-cost proxies as the evaluator of a search that trains nothing."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.evaluator import (
    ONE_FIDELITY,
    Compiled,
    Evaluated,
    ScoreOf,
)
from qnas_jax.evaluation.proxies.registry import PROXIES
from qnas_jax.evaluation.proxies.scores import make_proxy_scorer
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.nets import build_supernet
from qnas_jax.options import OptionError, Options, option
from qnas_jax.status import Status


@dataclasses.dataclass(frozen=True)
class ProxyOptions(Options):
    """Which proxies are computed, and on how many examples.

    Raises:
      OptionError: a value is not allowed.
    """

    names: tuple[str, ...] = option(
        ("synflow",), "proxies; the first is the score, all recorded", choices=PROXIES
    )
    images: int = option(64, "training images that proxies look at", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names or len(set(self.names)) < len(self.names):
            raise OptionError("names", self.names, "at least one proxy, each once")


@dataclasses.dataclass(frozen=True)
class ProxyEvaluator(Compiled):
    """Scores by a proxy; larger promises a better network.

    Run one search a program: under `vmap` every op of every layer would be computed.

    Attributes:
      score_archs: archs int32 [P, L] -> by proxy float32 [P], -inf for networks that it
        has nothing to say about.
      score: the proxy that is improved.
    """

    score_archs: Callable[[Any], dict[str, jax.Array]]
    score: ScoreOf

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Only one."""
        return ONE_FIDELITY

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Proxies of archs int32 [P, L]; the key changes nothing."""
        del key, fidelities
        found = self.score_archs(archs)
        known = jnp.isfinite(found[self.score.metric])
        status = jnp.where(known, int(Status.OK), int(Status.NON_FINITE))
        return Evaluated(found, status)


def make_proxy_evaluator(options: ProxyOptions, parts: Parts) -> ProxyEvaluator:
    """Builds the evaluator of a run.

    Args:
      options: which proxies.
      parts: space, data and task; weights and noise come from the stream `proxy`.

    Returns:
      The evaluator.

    Raises:
      UserError: a proxy that does not exist, or no image.
    """
    train = parts.dataset.train
    inputs = parts.task.prepare(jnp.asarray(train.inputs[: options.images]))
    targets = jnp.asarray(train.targets[: options.images])
    supernet = build_supernet(parts.space)
    score_archs = make_proxy_scorer(
        supernet,
        options.names,
        inputs,
        targets,
        parts.key("proxy"),
        devices=parts.devices,
    )
    return ProxyEvaluator(score_archs, ScoreOf(options.names[0], larger_is_better=True))


SPEC = EvaluatorSpec(
    summary="a zero-cost proxy of networks that nobody trained",
    make=make_proxy_evaluator,
    group="proxy",
    options=ProxyOptions,
)
