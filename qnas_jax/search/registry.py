"""All strategies by name: the source of flag choices, conformance tests and tables."""

from qnas_jax.search.classical.rows import ROWS as CLASSICAL
from qnas_jax.search.models.rows import ROWS as MODELS
from qnas_jax.search.registers.rows import ROWS as REGISTERS
from qnas_jax.search.spec import StrategySpec

_ROWS = (*REGISTERS, *MODELS, *CLASSICAL)

STRATEGIES: dict[str, StrategySpec] = {spec.name: spec for spec in _ROWS}
"""Every strategy by its name; `make(num_ops, options)` builds it."""


def strategy_table() -> str:
    """The table of all strategies in Markdown, as the README shows it."""
    head = "| name | how it works | good for | source |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{spec.name}` | {spec.summary} | {spec.good_for} | {spec.paper} |\n"
        for spec in _ROWS
    )
