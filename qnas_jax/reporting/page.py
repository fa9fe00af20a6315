"""Pages that hold their figures and need no network."""

import base64
from collections.abc import Mapping
from typing import Any

from qnas_jax.reporting import formats


def render(
    template: str, figures: Mapping[str, bytes], content: Mapping[str, Any]
) -> str:
    """Fills a template.

    Args:
      template: name of a file in this folder.
      figures: PNG files by name, embedded into the page.
      content: what else the template names.

    Returns:
      A complete HTML document without script and without outside resources.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qnas_jax", "reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    images = {
        name: "data:image/png;base64," + base64.b64encode(png).decode("ascii")
        for name, png in figures.items()
    }
    return environment.get_template(template).render(figures=images, **content)
