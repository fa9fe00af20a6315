"""Search strategies: (init, ask, tell) on pytree states, and the loop around them."""

from qnas_jax.searching.base import Strategy, sanitise
from qnas_jax.searching.generations import EvaluateFn, generation_keys
from qnas_jax.searching.loop import (
    Generation,
    SearchState,
    Step,
    Trace,
    advance,
    host_search,
    scan_search,
    start,
)
from qnas_jax.searching.registry import STRATEGIES, SearchOptions, make_strategy
from qnas_jax.searching.spec import StrategySpec

__all__ = [
    "STRATEGIES",
    "EvaluateFn",
    "Generation",
    "SearchOptions",
    "SearchState",
    "Step",
    "Strategy",
    "StrategySpec",
    "Trace",
    "advance",
    "generation_keys",
    "host_search",
    "make_strategy",
    "sanitise",
    "scan_search",
    "start",
]
