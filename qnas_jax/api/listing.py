"""What there is to choose from, by name, and what each of it can be told."""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from qnas_jax.api.names import chosen
from qnas_jax.options import Options, describe_allowed

_REGISTRIES = {
    "strategies": ("qnas_jax.searching", "STRATEGIES"),
    "front_strategies": ("qnas_jax.searching.pareto", "FRONT_STRATEGIES"),
    "optimisers": ("qnas_jax.optimise", "OPTIMISERS"),
    "evaluators": ("qnas_jax.evaluation", "EVALUATORS"),
    "tasks": ("qnas_jax.tasks", "TASKS"),
    "spaces": ("qnas_jax.spaces", "SPACES"),
    "ops": ("qnas_jax.nets", "OPS"),
    "sources": ("qnas_jax.data", "SOURCES"),
}
"""Module and name of each registry; one is imported when it is asked for."""


def available(kind: str) -> dict[str, str]:
    """Names that can be chosen, each with a line about it.

    >>> import qnas_jax as qnas
    >>> qnas.available("strategies")["random"]
    'uniform random archs'

    Args:
      kind: "strategies", "front_strategies", "optimisers", "evaluators", "tasks",
        "spaces", "ops" or "sources" (of data).

    Returns:
      The lines by name.

    Raises:
      UserError: there is no such kind.
    """
    return {name: _line(row) for name, row in _registry(kind).items()}


def options_of(kind: str, name: str) -> dict[str, dict[str, Any]]:
    """What a strategy, an optimiser or an evaluator can be told.

    >>> import qnas_jax as qnas
    >>> qnas.options_of("strategies", "qudit")["angle"]["allowed"]
    'float > 0.0 and <= 1.5707963267948966'

    Args:
      kind: "strategies", "front_strategies", "optimisers" or "evaluators".
      name: one of `available(kind)`.

    Returns:
      By option its `default`, what is `allowed`, and what it means (`doc`).

    Raises:
      UserError: there is no such kind, nothing of that name, or it has no options.
    """
    record = getattr(chosen(kind, name, _registry(kind)), "options", Options)
    return {
        field.name: {
            "default": field.default,
            "allowed": describe_allowed(field),
            "doc": field.metadata["doc"],
        }
        for field in dataclasses.fields(record)
    }


def _registry(kind: str) -> Mapping[str, Any]:
    module, name = chosen("kind", kind, _REGISTRIES)
    found: Mapping[str, Any] = getattr(importlib.import_module(module), name)
    return found


def _line(row: Any) -> str:
    """A summary, the kind of a source's data, or the first line of a docstring."""
    for field in ("summary", "kind"):
        if isinstance(found := getattr(row, field, None), str):
            return found
    return (row.__doc__ or "").strip().partition("\n")[0]
