"""Pages that hold their figures, charts and scripts, and need no network."""

import base64
import dataclasses
import functools
import hashlib
import importlib.resources
import math
from collections.abc import Mapping, Sequence
from typing import Any

from qnas_jax.reporting import charts as chart_values
from qnas_jax.reporting import formats

_LIBRARY, _LICENSE = "vendored/uPlot.iife.min.js", "vendored/LICENSE"


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a page shows besides words and tables.

    Attributes:
      figures: PNG files by name.
      alts: what is seen on each, in words, by name.
      charts: panels by name; each stands in the place of the figure of its name.
      data: what charts refer to, see `charts.js`.
    """

    figures: Mapping[str, bytes]
    alts: Mapping[str, str]
    charts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def render(template: str, shown: Shown, content: Mapping[str, Any]) -> str:
    """Fills a template.

    Args:
      template: name of a file in this folder.
      shown: figures and charts.
      content: what else the template names.

    Returns:
      A complete HTML document without outside resources; its policy allows its own
      scripts, by their digests, and no others.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qnas_jax", "reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS, sortable=_sortable)
    drawn = {name: each for name, each in shown.charts.items() if name in shown.figures}
    scripts = [_library(), _text("charts.js")] if drawn else []
    scripts.append(_text("tables.js"))
    images = {
        name: "data:image/png;base64," + base64.b64encode(png).decode("ascii")
        for name, png in shown.figures.items()
    }
    return environment.get_template(template).render(
        shown={"figures": images, "alts": shown.alts, "charts": drawn},
        page_data=(
            chart_values.page_json({**shown.data, "charts": drawn}) if drawn else None
        ),
        scripts=scripts,
        policy=_policy(scripts),
        **content,
    )


def _library() -> str:
    """The library that draws charts, with its licence, as that asks for."""
    return f"/*\n{_text(_LICENSE).strip()}\n*/\n{_text(_LIBRARY)}"


@functools.cache
def _text(name: str) -> str:
    folder = importlib.resources.files("qnas_jax") / "reporting"
    return folder.joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Sources that the page's policy names: the digests of its scripts."""
    digests = (hashlib.sha256(each.encode("utf-8")).digest() for each in scripts)
    return " ".join(
        f"'sha256-{base64.b64encode(each).decode('ascii')}'" for each in digests
    )


def _sortable(value: float | None) -> str:
    """A number as tables sort by it; "" for one that is not known."""
    known = value is not None and math.isfinite(value)
    return f"{value:.8g}" if known else ""
