"""All strategies of several objectives by name, and how one is built."""

import functools

from qnas_jax.errors import UserError
from qnas_jax.options import OptionError, Options
from qnas_jax.search.pareto import nsga2, pareto_memory
from qnas_jax.search.pareto.strategy import ParetoStrategy
from qnas_jax.search.spec import StrategySpec

_ROWS = (pareto_memory.SPEC, nsga2.SPEC)

FRONT_STRATEGIES: dict[str, StrategySpec] = {spec.name: spec for spec in _ROWS}
"""Every strategy of several objectives by its name."""
