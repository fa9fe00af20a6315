"""Tables from rows alone, and what they replace in README and docs."""

import dataclasses
import json
import pathlib
import re
import shutil

import pytest

from experiments.publishing import readme_tables
from experiments.publishing.readme_parts import PARTS

ROOT = pathlib.Path(readme_tables.__file__).parents[2]
RULE = {"rule": "han_kim_2002", "migration": "default", "angle / pi": 0.05}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Two parts whose rows and figure lie in a folder, README and page of results."""
    names = {"training", "search_rules"}
    parts = [part for part in PARTS if part.name in names]
    figure = dataclasses.replace(parts[-1], figures={"made.png": ".png"})
    monkeypatch.setattr(readme_tables, "PARTS", (parts[0], figure))
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "training.png").write_bytes(b"picture")
    forms = [
        {"images/s": 60.0, "share of the matrix rate": 0.161},
        {"images/s": 80.0, "ratio to ours": 4 / 3},
    ]
    names = ["ours", "PyTorch channels_last"]
    rows = [
        {"space": "digits", "form": name, **form}
        for name, form in zip(names, forms, strict=True)
    ]
    _write(folder / "training.jsonl", rows)
    rules = [
        {"strategy": "qbit", **RULE, "mean": 0.99, "std": 0.01},
        {"strategy": "qbit", **RULE, "angle / pi": 0.01, "mean": 0.5, "std": 0.01},
    ]
    knapsack = {"strategy": "qiga1", "items": 250, "mean": 1397.1, "std": 10.44}
    _write(folder / "search_rules.jsonl", [*rules, {**knapsack, "published": 1406.53}])
    results = "before\n<!-- begin: results -->\nold\n<!-- end: results -->\n"
    rules = "<!-- begin: search rules -->\nold\n<!-- end: search rules -->\nafter\n"
    (tmp_path / "README.md").write_text(f"{results}after\n")
    page = tmp_path / "results.md"
    page.write_text(f"{results}between\n{rules}")
    return folder, page


def _write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _publish(folder, page):
    readme_tables.publish(folder, page.with_name("README.md"), page.parent)


def test_tables_stand_in_the_page(small):
    folder, page = small
    _publish(folder, page)
    lines = page.read_text().splitlines()
    assert lines[4] == (
        "| single-path training step of `digits`, batch 64 | 60 images/s, 0.16 of the "
        "matrix rate, 0.75 x PyTorch channels_last | "
        "`python -m experiments.benches.training --nogradient` |"
    )
    assert lines[5:7] == ["<!-- end: results -->", "between"]
    qbit = next(line for line in lines if line.startswith("| `qbit`"))
    assert qbit == "| `qbit` | 0.990 ± 0.010 |  |  |  |"
    qiga = next(line for line in lines if line.startswith("| `qiga1`"))
    assert qiga == "| `qiga1` |  | 1397.1 ± 10.4 |  | 1406.53 |"
    assert "old" not in page.read_text() and lines[-1] == "after"
    assert page.with_name("made.png").read_bytes() == b"picture"


def test_telling_lines_stand_in_the_readme(small, monkeypatch):
    folder, page = small
    readme = page.with_name("README.md")
    _publish(folder, page)
    assert "60 images/s" in readme.read_text()
    silent = [dataclasses.replace(part, telling=False) for part in readme_tables.PARTS]
    monkeypatch.setattr(readme_tables, "PARTS", silent)
    _publish(folder, page)
    assert "60 images/s" not in readme.read_text()
    assert "60 images/s" in page.read_text()


def test_a_part_without_rows_keeps_its_lines(small):
    folder, page = small
    (folder / "training.jsonl").unlink()
    kept = "| what | by hand | `python -m experiments.benches.training --nogradient` |"
    text = page.read_text().replace("old", f"{kept}\n| gone | | `other` |", 1)
    page.write_text(text)
    _publish(folder, page)
    assert kept in page.read_text() and "gone" not in page.read_text()


def test_without_rows_nothing_of_the_project_changes(tmp_path):
    files = [ROOT / "README.md", ROOT / "docs" / "results.md"]
    for file in files:
        shutil.copyfile(file, tmp_path / file.name)
    readme_tables.publish(tmp_path / "none", tmp_path / "README.md", tmp_path)
    for file in files:
        assert (tmp_path / file.name).read_text() == file.read_text()


def test_tables_without_rows_are_empty(small):
    folder, _ = small
    (folder / "training.jsonl").unlink()
    made = readme_tables.tables(folder)
    assert "benches.training" not in made and "`qbit`" in made


def test_a_page_without_markers_is_told(small):
    folder, page = small
    page.write_text("nothing")
    with pytest.raises(ValueError, match="begin: results"):
        _publish(folder, page)


def test_the_page_has_the_markers_and_the_docs_the_figures():
    text = (ROOT / "docs" / "results.md").read_text("utf-8")
    for name in ("results", "search rules", "strategies"):
        begin, end = (
            text.index(f"<!-- {word}: {name} -->") for word in ("begin", "end")
        )
        assert begin < end
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    shown = {
        name
        for page in pages
        for name in re.findall(r"\((?:docs/)?(\w+\.png)\)", page.read_text("utf-8"))
    }
    assert {name for part in PARTS for name in part.figures} <= shown
