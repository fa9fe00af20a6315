"""Examples in docstrings become code on the pages (an extension of griffe).

Docstrings hold their examples as doctests among the text; Markdown would take `>>>` for
quotations.
"""

from typing import Any

import griffe

from experiments.publishing.site_pages import with_fences


class DoctestBlocks(griffe.Extension):
    """Puts a fence around each run of lines that begins with `>>>`."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Rewrites the docstring of a module, class, function or attribute."""
        del rest
        if obj.docstring is not None:
            obj.docstring.value = with_fences(obj.docstring.value)
