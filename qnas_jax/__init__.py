"""Vectorised, quantum-inspired neural architecture search in JAX.

    import qnas_jax as qnas

    found = qnas.search({"depth": [1, 2, 3], "kernel": [3, 5]}, evaluate, budget=6)
    done = qnas.run("digits", {"search.generations": 5}, workdir="runs/digits")

Searching: `search` (by a Python function), `search_front` (several objectives),
`Searcher` (ask and tell), `SearchResult`, `FrontResult`, `Strategy`, `make_strategy`;
`available` and `options_of` list what there is. Whole jobs: `run`, `Run`,
`make_config`, `load_model`. Spaces: `SearchSpace`, `NetworkSpace`, `Layer`, `op`,
`fixed`, `register_op`, `register_space`, `make_space`, `describe`, `cost_table`. Data:
`load_dataset`, `make_task`. Evaluators: `make_evaluator`. Solvers: `minimise`, `qubo`.
The simulator: `quantum`. What a user can mend: `UserError`.

A name is imported when it is first used, so this import takes no time.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qnas_jax import quantum
    from qnas_jax.api.datasets import load_dataset, make_task
    from qnas_jax.api.evaluators import make_evaluator
    from qnas_jax.api.front import FrontResult, search_front
    from qnas_jax.api.listing import available, options_of
    from qnas_jax.api.result import SearchResult
    from qnas_jax.api.runs import Run, run
    from qnas_jax.api.search import search
    from qnas_jax.api.searcher import Searcher
    from qnas_jax.api.solving import minimise
    from qnas_jax.api.spaces import cost_table, describe, make_space
    from qnas_jax.errors import UserError
    from qnas_jax.export.loading import load_model
    from qnas_jax.jobs.named_configs import make_config
    from qnas_jax.nets.ops import register_op
    from qnas_jax.optimise.problems.quadratic import qubo
    from qnas_jax.searching.base import Strategy
    from qnas_jax.searching.registry import make_strategy
    from qnas_jax.spaces.network import Layer, NetworkSpace, fixed, op
    from qnas_jax.spaces.registry import register_space
    from qnas_jax.spaces.space import SearchSpace

__version__ = "0.1.0"

_PLACES = {
    "search": "api.search",
    "Searcher": "api.searcher",
    "SearchResult": "api.result",
    "search_front": "api.front",
    "FrontResult": "api.front",
    "Strategy": "searching.base",
    "make_strategy": "searching.registry",
    "available": "api.listing",
    "options_of": "api.listing",
    "run": "api.runs",
    "Run": "api.runs",
    "make_config": "jobs.named_configs",
    "load_model": "export.loading",
    "SearchSpace": "spaces.space",
    "NetworkSpace": "spaces.network",
    "Layer": "spaces.network",
    "op": "spaces.network",
    "fixed": "spaces.network",
    "register_op": "nets.ops",
    "register_space": "spaces.registry",
    "make_space": "api.spaces",
    "describe": "api.spaces",
    "cost_table": "api.spaces",
    "load_dataset": "api.datasets",
    "make_task": "api.datasets",
    "make_evaluator": "api.evaluators",
    "minimise": "api.solving",
    "qubo": "optimise.problems.quadratic",
    "quantum": "",
    "UserError": "errors",
}
"""The module below this package that each name stands in; "": it is a sub-package."""

__all__ = [
    "FrontResult",
    "Layer",
    "NetworkSpace",
    "Run",
    "SearchResult",
    "SearchSpace",
    "Searcher",
    "Strategy",
    "UserError",
    "available",
    "cost_table",
    "describe",
    "fixed",
    "load_dataset",
    "load_model",
    "make_config",
    "make_evaluator",
    "make_space",
    "make_strategy",
    "make_task",
    "minimise",
    "op",
    "options_of",
    "quantum",
    "qubo",
    "register_op",
    "register_space",
    "run",
    "search",
    "search_front",
]


def __getattr__(name: str) -> Any:
    """Imports what a name stands for when it is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not _PLACES[name]:
        return importlib.import_module(f"{__name__}.{name}")
    found = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted({*globals(), *_PLACES})
