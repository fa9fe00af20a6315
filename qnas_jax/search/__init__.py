"""Search strategies: (init, ask, tell) on pytree states, and the loop around them."""

from qnas_jax.search.base import (
    EvaluateFn,
    SearchState,
    Strategy,
    Trace,
    advance,
    generation_keys,
    sanitise,
    scan_search,
    start,
)
from qnas_jax.search.registry import STRATEGIES, SearchOptions, make_strategy
from qnas_jax.search.spec import StrategySpec

__all__ = [
    "STRATEGIES",
    "EvaluateFn",
    "SearchOptions",
    "SearchState",
    "Strategy",
    "StrategySpec",
    "Trace",
    "advance",
    "generation_keys",
    "make_strategy",
    "sanitise",
    "scan_search",
    "start",
]
