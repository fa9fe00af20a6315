"""Zero-cost proxies: scores of networks that were never trained, by the population."""

from qnas_jax.evaluation.proxies.chain import ChainNetwork
from qnas_jax.evaluation.proxies.network import ProxyNetwork
from qnas_jax.evaluation.proxies.proxy_evaluator import (
    ProxyEvaluator,
    ProxyOptions,
    make_proxy_evaluator,
)
from qnas_jax.evaluation.proxies.registry import PROXIES, Proxy
from qnas_jax.evaluation.proxies.scores import proxy_scores

__all__ = [
    "PROXIES",
    "ChainNetwork",
    "Proxy",
    "ProxyEvaluator",
    "ProxyNetwork",
    "ProxyOptions",
    "make_proxy_evaluator",
    "proxy_scores",
]
