"""The groups of options of the strategies, one of which a search reads."""

from qnas_jax.jobs.spec import Family
from qnas_jax.search import STRATEGIES

STRATEGY_FAMILY = Family(
    "search.strategy", {name: (name, spec.options) for name, spec in STRATEGIES.items()}
)
