"""Zero-cost proxies: scores of networks that were never trained, by the population."""

from qnas_jax.evaluation.proxies.proxy_evaluator import (
    ProxyEvaluator,
    ProxyOptions,
    make_proxy_evaluator,
)
from qnas_jax.evaluation.proxies.registry import PROXIES, Proxy
from qnas_jax.evaluation.proxies.scores import (
    ScoreByProxies,
    make_proxy_scorer,
    proxy_scores,
)

__all__ = [
    "PROXIES",
    "Proxy",
    "ProxyEvaluator",
    "ProxyOptions",
    "ScoreByProxies",
    "make_proxy_evaluator",
    "make_proxy_scorer",
    "proxy_scores",
]
