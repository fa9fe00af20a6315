"""Pages of the documentation that are made while it is built (a hook of MkDocs).

`options.md` lists every option from its declaration, every executed notebook of
`docs/notebooks` becomes a page with its outputs, and files that stand elsewhere in the
project are pages too, so none of them can lag behind. Nothing is executed and no
network is used.
"""

import base64
import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "measurements.md": "experiments/README.md",
    "building.md": "BUILD.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages by the files that they are made of."""

_NOTEBOOKS = "notebooks"
_FENCE = "```"


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the pages to the files of the site.

    Args:
      files: those of the folder `docs`.
      config: of MkDocs.

    Returns:
      The files.
    """
    from mkdocs.structure.files import File

    texts = {page: moved_page(file) for page, file in ELSEWHERE.items()}
    for path, text in {"options.md": options_page(), **texts}.items():
        files.append(File.generated(config, path, content=text))
    for notebook in sorted((ROOT / "docs" / _NOTEBOOKS).glob("*.ipynb")):
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        page, figures = notebook_page(cells, notebook.stem)
        made: dict[str, str | bytes] = {f"{notebook.stem}.md": page}
        made |= {f"{notebook.stem}-{name}": png for name, png in figures.items()}
        for name, content in made.items():
            path = f"{_NOTEBOOKS}/{name}"
            files.append(File.generated(config, path, content=content))
    return files


def moved_page(file: str) -> str:
    """A Markdown file of the project, its links as they are from the folder `docs`."""
    text = (ROOT / file).read_text("utf-8").replace("../docs/", "")
    for page, other in ELSEWHERE.items():
        for path in (other, f"../{other}"):
            text = text.replace(f"]({path}", f"]({page}")
    return text.replace("](docs/", "](")


def options_page() -> str:
    """Every group and option of every job in Markdown, from the declarations."""
    from qnas_jax.jobs.registry import JOBS

    lines = [
        "# Options",
        "",
        "After this page you know every field that a command can change, by "
        "`--config.GROUP.FIELD=VALUE` (in Python by `qnas_jax.run(NAME, "
        "{'GROUP.FIELD': VALUE}, ...)`). `--config.seed` stands beside the groups. "
        "A value that is not allowed is refused in one line before anything runs. "
        "This page is made from the declarations in the source.",
    ]
    seen: dict[tuple[str, type], str] = {}
    for job in JOBS.values():
        lines += ["", f"## Job {job.name}", "", f"Stages: {_code(job.stage_names)}."]
        for group, record in job.all_groups.items():
            if (group, record) in seen:
                continue
            seen[group, record] = job.name
            lines += ["", f"### {group} {{#{job.name}-{group}}}", "", *_table(record)]
    return "\n".join(lines) + "\n"


def _table(record: type) -> Iterator[str]:
    from qnas_jax.options import describe_allowed

    fields = dataclasses.fields(record)
    if not fields:
        yield "Nothing to set."
        return
    yield "| field | default | meaning | allowed |"
    yield "| --- | --- | --- | --- |"
    for field in fields:
        cells = (
            f"`{field.name}`",
            f"`{field.default!r}`",
            field.metadata["doc"],
            describe_allowed(field),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def notebook_page(
    cells: Sequence[Mapping[str, Any]], name: str
) -> tuple[str, dict[str, bytes]]:
    """A notebook with its outputs as a page.

    Args:
      cells: as its file holds them, format 4. A cell that draws says by its first line,
        `# Figure: ...`, what is seen.
      name: of the page, without suffix.

    Returns:
      Markdown, and the PNG files that lie beside it as `NAME-1.png`, by what follows
      the dash.
    """
    parts: list[str] = []
    figures: dict[str, bytes] = {}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        printed = ""
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                file = f"{len(figures) + 1}.png"
                figures[file] = base64.b64decode("".join(data["image/png"]))
                seen = source.partition("\n")[0].removeprefix("# Figure: ")
                parts.append(f"![{seen}]({name}-{file})")
            else:
                text = output.get("text", data.get("text/plain", ""))
                printed += "".join(text).rstrip() + "\n"
        if printed:
            parts.append(f"```text\n{printed}```")
    return "\n\n".join(parts) + "\n", figures


def with_fences(text: str) -> str:
    """A docstring whose doctests are blocks.

    Args:
      text: the docstring, without its indentation.

    Returns:
      The same with a line of backticks before each `>>>` that follows an empty line (or
      begins the text), and after the last line in front of the next empty one.
    """
    lines: list[str] = []
    inside = ""
    for line in [*text.splitlines(), ""]:
        bare = line.lstrip()
        if not inside and bare.startswith(">>> "):
            inside = line[: len(line) - len(bare)] + _FENCE
            lines.append(inside + "pycon")
        if inside and not bare:
            lines.append(inside)
            inside = ""
        lines.append(line)
    return "\n".join(lines[:-1])
