"""The zero-cost proxies by name."""

import dataclasses
from collections.abc import Callable

import jax

from qnas_jax.evaluation.proxies.jacobian import jacob_cov
from qnas_jax.evaluation.proxies.naswot import nwot
from qnas_jax.evaluation.proxies.sensitivity import grad_norm, l2_norm, plain, snip
from qnas_jax.evaluation.proxies.subject import Subject
from qnas_jax.evaluation.proxies.synflow import synflow
from qnas_jax.evaluation.proxies.zen import zen


@dataclasses.dataclass(frozen=True)
class Proxy:
    """A score of untrained networks; larger promises a better network.

    Attributes:
      name: key in `PROXIES`.
      paper: source.
      summary: one line: what it measures.
      score: subject -> scalar; None for what the cost table answers.
      cost: column of the cost table, or "".
      relus: whether it looks at the ReLUs.
      noise: whether it needs noise and weights from normal(0, 1).
      quantities: whether it takes inputs for quantities, which words are not.
    """

    name: str
    paper: str
    summary: str
    score: Callable[[Subject], jax.Array] | None = None
    cost: str = ""
    relus: bool = False
    noise: bool = False
    quantities: bool = False


PROXIES: dict[str, Proxy] = {
    proxy.name: proxy
    for proxy in (
        Proxy(
            "synflow",
            "Tanaka et al. 2020",
            "log of the flow through the absolute weights",
            synflow,
            quantities=True,
        ),
        Proxy(
            "snip",
            "Lee et al. 2019",
            "sensitivity of the loss to removing weights",
            snip,
        ),
        Proxy(
            "grad_norm",
            "Abdelfattah et al. 2021",
            "norm of the loss gradient, by layer",
            grad_norm,
        ),
        Proxy(
            "plain",
            "Abdelfattah et al. 2021",
            "weights times the loss gradient",
            plain,
        ),
        Proxy(
            "jacob_cov",
            "Mellor et al. 2020",
            "how little the image gradients correlate",
            jacob_cov,
            quantities=True,
        ),
        # After the proxies of the loss gradient, whose pass it shares.
        Proxy(
            "nwot",
            "Mellor et al. 2021",
            "how well the pattern of open ReLUs tells images apart",
            nwot,
            relus=True,
        ),
        Proxy(
            "zen",
            "Lin et al. 2021",
            "reaction of the features to a perturbation",
            zen,
            noise=True,
            quantities=True,
        ),
        Proxy("l2_norm", "Abdelfattah et al. 2021", "norm of the weights", l2_norm),
        Proxy("params", "-", "number of parameters", cost="params"),
        Proxy("macs", "-", "multiply-accumulates of an image", cost="macs"),
    )
}
"""In the order in which they are computed."""
