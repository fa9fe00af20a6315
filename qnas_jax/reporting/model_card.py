"""The card of a model: what it is, how good, how large, how fast, how made."""

from collections.abc import Mapping
from typing import Any

from qnas_jax.reporting import formats


def model_card(facts: Mapping[str, Any]) -> str:
    """Fills the template.

    Args:
      facts: the values of `model.json`.

    Returns:
      A page in Markdown.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qnas_jax", "reporting"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(formats.FILTERS)
    return environment.get_template("model_card.md").render(facts)
