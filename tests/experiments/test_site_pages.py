"""Pages that are made while the site is built, and that every page can be found."""

import base64
import re

import pytest

import qnas_jax
from experiments.publishing.site_pages import (
    ELSEWHERE,
    ROOT,
    moved_page,
    notebook_page,
    options_page,
    with_fences,
)
from qnas_jax.jobs.registry import JOBS

PIXEL = base64.b64encode(b"a picture").decode()


def test_every_option_stands_on_the_page_of_options():
    page = options_page()
    for job in JOBS.values():
        for group, record in job.all_groups.items():
            assert f"\n### {group} " in page
            for field in record.__dataclass_fields__.values():
                assert f"| `{field.name}` | `{field.default!r}` |" in page


def test_a_notebook_is_a_page_with_what_it_printed_and_drew():
    figure = {"output_type": "display_data", "data": {"image/png": PIXEL}}
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": ["print(1)\n", "2"],
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
            ],
        },
        {
            "cell_type": "code",
            "source": ["# Figure: a line\n", "plt.show()"],
            "outputs": [figure],
        },
    ]
    page, figures = notebook_page(cells, "mine")
    assert page == (
        "# Title\nwords\n\n```python\nprint(1)\n2\n```\n\n```text\n1\n2\n```\n\n"
        "```python\n# Figure: a line\nplt.show()\n```\n\n![a line](mine-1.png)\n"
    )
    assert figures == {"1.png": b"a picture"}


@pytest.mark.parametrize("file", ELSEWHERE.values())
def test_links_of_moved_pages_lead_to_files_of_the_docs(file):
    links = re.findall(r"\]\(([^)#:]+)\)", moved_page(file))
    for link in links:
        assert link in ELSEWHERE or (ROOT / "docs" / link).is_file(), link


def test_examples_of_docstrings_are_blocks():
    text = "Adds.\n\n>>> one = 1\n>>> one + 1\n2\n\nWords.\n\n    >>> 3\n    3"
    assert with_fences(text) == (
        "Adds.\n\n```pycon\n>>> one = 1\n>>> one + 1\n2\n```\n\nWords.\n\n"
        "    ```pycon\n    >>> 3\n    3\n    ```"
    )
    assert with_fences("No example.") == "No example."


def test_every_page_has_its_place():
    listed = re.findall(r"([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    notebooks = [f"notebooks/{p.stem}.md" for p in (ROOT / "docs").rglob("*.ipynb")]
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert sorted(listed) == sorted([*pages, *notebooks, *ELSEWHERE, "options.md"])


def test_every_page_says_first_what_one_can_do_after_it():
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "index.md":
            assert page.read_text().split("\n\n")[1].startswith("After this page"), page


def test_every_public_name_stands_on_the_page_of_python():
    text = (ROOT / "docs" / "api.md").read_text()
    shown = set(re.findall(r"^::: [\w.]+\.(\w+)$", text, flags=re.MULTILINE))
    assert set(qnas_jax.__all__) - {"quantum"} <= shown
    assert "`qnas_jax.quantum`" in text


def test_links_of_the_readme_lead_to_files():
    links = re.findall(r"\]\(([\w./]+)(?:#[\w-]+)?\)", (ROOT / "README.md").read_text())
    assert len(links) > 15
    for link in links:
        assert (ROOT / link).is_file(), link


def test_the_readme_is_short():
    assert (ROOT / "README.md").read_text().count("\n") < 200
