"""Pages for any reader: structure, colours, scripts; no browser is needed."""

import importlib.resources
import json

import pytest
from comparison_rows import FOCUS, make_rows
from page_checks import MARKS, TEXT, contrast, palettes, problems
from run_folders import write_all

from qnas_jax.reporting import write_report
from qnas_jax.reporting.comparison.finished_runs import read_finished
from qnas_jax.reporting.comparison.page import write_comparison
from qnas_jax.reporting.comparison.runs_page import write_runs


def test_a_finished_run(synthetic_page):
    assert problems(synthetic_page) == []


def test_an_empty_run(tmp_path):
    (tmp_path / "config.json").write_text('{"data": {"name": "d"}, "seed": 3}')
    assert problems(write_report(tmp_path)) == []


def test_a_comparison(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in make_rows()))
    assert problems(write_comparison(rows, tmp_path / "out", FOCUS)) == []


def test_runs_side_by_side(tmp_path):
    runs = [read_finished(path) for path in write_all(tmp_path / "runs")]
    assert problems(write_runs(runs, tmp_path / "page.html")) == []


def test_problems_are_seen(small, tmp_path):
    text = write_report(small.workdir).read_text(encoding="utf-8")
    broken = {
        "id search twice": ('id="cost"', 'id="search"'),
        "an image whose text": ('alt="', 'alt="" title="'),
        "a table without a caption": ("<caption", "<b"),
        "a <th> without a scope": (' scope="col"', ""),
        "h3 below h1": ("<h2>", "<h3>"),
        "no language": (' lang="en"', ""),
        "<img src=": ('src="data:image/png', 'src="http://example.org/a'),
        "which is not there": ('id="arch-1"', 'id="arch-one"'),
        "the policy does not name": ('"use strict";', '"use strict"; alert(1);'),
    }
    for place, (expected, (old, new)) in enumerate(broken.items()):
        assert old in text
        path = tmp_path / f"{place}.html"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert any(expected in found for found in problems(path)), expected


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_colours_are_told_apart(place):
    folder = importlib.resources.files("qnas_jax") / "reporting"
    colors = palettes(folder.joinpath("page.css").read_text(encoding="utf-8"))[place]
    for ground in ("ground", "pale"):
        for name in TEXT:
            assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    for name in MARKS:
        assert contrast(colors[name], colors["ground"]) >= 3, name


def test_contrast_by_hand():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # Grey 0x77 on white is the well-known 4.48, just too little.
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
