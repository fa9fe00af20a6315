import base64
import html
import html.parser
import io
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from qnas_jax.reporting import write_report
from qnas_jax.reporting.run_figures import FIGURES
from qnas_jax.reporting.statistics import wilson_interval

OF_OTHER_RUNS = {"ranking_scatter", "ranking_bars", "perplexities"}


class Page(html.parser.HTMLParser):
    """What a reader needs of the page: tags, tables as lists of cells, plain text."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.parts: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("meta", "img", "br"):
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            return
        self.parts.append(data)
        if "td" in self.open or "th" in self.open:
            cells = self.tables[-1][-1]
            gap = " " if cells[-1] and "small" in self.open else ""
            cells[-1] += gap + data.replace("\u00a0", " ").strip()

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).replace("\u00a0", " ").split())

    def table(self, heading: str) -> list[list[str]]:
        """The rows below the table head that holds `heading`."""
        return next(t[1:] for t in self.tables if heading in t[0])


def page_of(run) -> Page:
    return Page(write_report(run.workdir))


@pytest.fixture(scope="module")
def page(synthetic_page) -> Page:
    return Page(synthetic_page)


def assert_drawn(data: bytes) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.float64)
    assert min(pixels.shape) > 150
    assert pixels.std() > 5


def test_all_figures_are_drawn_and_embedded(synthetic, page):
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    embedded = [image["src"].removeprefix("data:image/png;base64,") for image in images]
    files = {
        path.stem: path.read_bytes()
        for path in (synthetic.workdir / "figures").iterdir()
    }
    assert set(files) == set(FIGURES) - OF_OTHER_RUNS
    decoded = {base64.b64decode(text, validate=True) for text in embedded}
    # The network itself is no picture but boxes that flow.
    assert decoded == {data for name, data in files.items() if "diagram" not in name}
    for data in files.values():
        assert_drawn(data)
    assert all(image["alt"] for image in images)


def test_page_needs_no_network(page):
    assert not page.open
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "action", "data"):
                assert value.startswith(("data:image/png;base64,", "#"))
    # The one address is in a comment of the library.
    assert re.findall(r"https?://[^\s\"]+", page.source) == [
        "https://github.com/leeoniya/uPlot"
    ]
    assert not re.search(r"@import|url\(", page.source)


def test_comparison_table_equals_the_result(synthetic, page):
    result = json.loads((synthetic.workdir / "result.json").read_text())
    rows = page.table("Search score")
    networks = [result, result["baselines"]["random"], result["baselines"]["largest"]]
    names = ["winner", "random subnet", "largest subnet"]
    assert [row[0] for row in rows] == names
    for row, network in zip(rows, networks, strict=True):
        low, high = wilson_interval(network["test_accuracy"], 360)
        assert row[1] == f"{network['search_score']:.4f}"
        assert row[2] == f"{network['validation_accuracy']:.2%}".replace("%", " %")
        test = f"{network['test_accuracy']:.2%} {low:.2%} to {high:.2%}"
        assert row[3] == test.replace("%", " %")
        assert row[5] == f"{network['parameters']:,}"
        assert row[6] == f"{network['macs']:,}"
    assert rows[0][4] == "–"
    # 354 - 332 and 354 - 351 of 360 images.
    assert rows[1][4].startswith("+6.11 ") and "p < 0.001" in rows[1][4]
    assert rows[2][4].startswith("+0.83 ")


def test_classifiers_without_a_network_stand_in_the_table(small, no_drawing):
    result = json.loads((small.workdir / "result.json").read_text())
    result["test_macro_f1"] = 0.9712
    result["test_balanced_accuracy"] = 0.9611
    result["intervals"] = {
        "test_macro_f1": [0.95, 0.98765],
        "test_balanced_accuracy": [0.9411, 0.9811],
    }
    result["classifiers"] = {"dtw_1nn": {"test_accuracy": 0.9, "test_macro_f1": 0.8731}}
    small.dump("result.json", result)
    page = page_of(small)
    winner, _, _, other = page.table("Search score")
    low, high = wilson_interval(0.9, 360)
    shown = ["90.00 %", f"{low:.2%}", "to", f"{high:.2%}".replace("%", " %")]
    assert other[:3] == ["nearest neighbour (DTW)", "–", "–"]
    assert other[3] == " ".join(shown).replace("% to", " % to")
    assert winner[4] == "97.12 % 95.00 % to 98.77 %" and other[4] == "87.31 %"
    assert winner[5] == "96.11 % 94.11 % to 98.11 %" and other[5] == "–"
    assert other[6].startswith("+8.33 ") and "p < 0.001" in other[6]
    assert other[7:] == ["–", "–"]
    assert "significantly better than the nearest neighbour (DTW)" in page.text
    assert "Holm-corrected for 3" in page.text
    assert "fitted to the training and the validation examples together" in page.text


def test_balanced_accuracy_has_a_column_where_it_says_something_else(small, no_drawing):
    result = json.loads((small.workdir / "result.json").read_text())
    shown = []
    for more in (0.0, 0.001, -0.01):
        result["test_balanced_accuracy"] = result["test_accuracy"] + more
        small.dump("result.json", result)
        shown.append("Balanced accuracy" in page_of(small).text)
    assert shown == [False, False, True]


def test_layers_table_equals_the_result(synthetic, page):
    layers = json.loads((synthetic.workdir / "result.json").read_text())["layers"]
    rows = page.table("Op")
    assert [row[0] for row in rows[:2]] == ["stem", "0"] and rows[-1][0] == "head"
    for row, layer in zip(rows, layers, strict=True):
        assert row[1] == layer["op"]
        whole = ["in_features", "out_features", "stride", "resolution"]
        assert row[2:6] == [str(layer[name]) for name in whole]
        assert row[6:] == [f"{layer['params']:,}", f"{layer['macs']:,}"]


def test_words_and_settings(synthetic, page):
    space = f"toy_{synthetic.num_layers}x{max(synthetic.num_ops)}"
    assert f"{space} on digits" in page.text
    assert "98.33 % of 360 test examples" in page.text
    assert "significantly better than the random subnet" in page.text
    assert "No significant difference between the winner and the largest" in page.text
    assert "the search raised the best score" in page.text
    assert json.dumps(synthetic.winner) in page.text
    assert synthetic.string(synthetic.winner) in page.text
    assert "python main.py --config=configs/digits.py --workdir=runs/d" in page.text
    cells = [row for table in page.tables for row in table]
    assert ["supernet.optimizer.learning_rate", "0.05"] in cells
    assert ["versions.jax", "0.10.2"] in cells
    assert ["Failed evaluations", "1"] in cells
    assert ["search", "48.0 s", "33.90 %", "–", "–"] in cells
    assert "2 min 22 s in all" in page.text


def test_pool_table_is_sorted(small, no_drawing):
    scores = [float(row[1]) for row in page_of(small).table("Rank")]
    assert len(scores) == 10 and scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("synthetic", [(5, 6)], indirect=True, ids=["5x6"])
def test_same_rows_same_page_and_no_draft_is_left(synthetic, page):
    path = write_report(synthetic.workdir)
    assert path.read_text(encoding="utf-8") == page.source
    assert not list(synthetic.workdir.rglob(".*"))


def test_failed_write_keeps_the_old_page(small, no_drawing):
    path = write_report(small.workdir)
    before = path.read_bytes()
    small.dump("config.json", {"data": {"name": "other"}, "seed": 1})
    (small.workdir / "result.json").write_text("{")
    with pytest.raises(ValueError, match=r"result\.json: not valid JSON"):
        write_report(small.workdir)
    assert path.read_bytes() == before


def test_hostile_strings_stay_text(small, no_drawing):
    hostile = "<script>alert(1)</script>\"'><img src=http://example.org/x onerror=y>"
    result = json.loads((small.workdir / "result.json").read_text())
    result |= {"data": hostile, "space": "{{ 7 * 7 }} $x$", "string": hostile}
    result["layers"][1]["op"] = hostile
    result["baselines"][hostile] = result["baselines"].pop("random")
    small.dump("result.json", result)
    small.dump("environment.json", small.environment() | {hostile: hostile})
    page = page_of(small)
    assert hostile in page.text
    assert "{{ 7 * 7 }} $x$" in page.text
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    # The page's own: data, the library, charts, tables.
    assert scripts == [{"type": "application/json", "id": "page-data"}, {}, {}, {}]
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    # The network itself is no picture.
    assert len(sources) == len(set(FIGURES) - OF_OTHER_RUNS - {"architecture_diagram"})
    assert all(source.startswith("data:image/png") for source in sources)
    assert html.escape("<script>") in page.source


def test_names_of_any_bytes_are_shown(tmp_path):
    path = {"path": os.fsdecode(b"caf\xe9")}
    (tmp_path / "config.json").write_text(json.dumps({"data": path, "seed": 0}))
    assert "caf\\udce9" in write_report(tmp_path).read_text(encoding="utf-8")


def test_only_a_config_gives_a_page(tmp_path):
    (tmp_path / "config.json").write_text('{"data": {"name": "d"}, "seed": 3}')
    page = Page(write_report(tmp_path))
    assert "the run is not finished" in page.text
    assert "seed 3" in page.text
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert list((tmp_path / "figures").iterdir()) == []


def test_unfinished_search(small):
    for name in ("result.json", "search/registers.npz"):
        (small.workdir / name).unlink()
    lines = (small.workdir / "metrics.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"retrain"' not in line]
    # The run was killed while it wrote its last row.
    (small.workdir / "metrics.jsonl").write_text("".join(kept) + kept[-1][:25])
    page = page_of(small)
    assert "The best architecture so far" in page.text
    assert json.dumps(small.winner) in page.text
    figures = {path.stem for path in (small.workdir / "figures").iterdir()}
    drawn = {"supernet_curves", "pool_scores", "search_progress", "score_against_cost"}
    assert figures == drawn
    for absent in ("Comparison", "Probabilities of the ops", "Retraining", "How sure"):
        assert absent not in page.text
    assert ["Evaluations", "800"] in [row for table in page.tables for row in table]


def test_generations_without_any_success(small, no_drawing):
    row = {"stage": "search", "generation": 0, "evaluations": 20, "mean": None}
    failed = row | {"best": None, "generation_best": None}
    worst = failed | {"generation": 1, "evaluations": 40, "best": float("-inf")}
    found = row | {"generation": 2, "evaluations": 60, "best": 0.5, "mean": 0.4}
    small.dump_rows("metrics.jsonl", [failed, worst])
    assert "evaluations the search" not in page_of(small).text
    small.dump_rows("metrics.jsonl", [failed, worst, found])
    assert "In 60 evaluations the search found nothing better" in page_of(small).text


def test_figures_of_an_earlier_page_go(small):
    write_report(small.workdir)
    assert (small.workdir / "figures" / "register_entropy.png").is_file()
    (small.workdir / "search" / "registers.npz").unlink()
    write_report(small.workdir)
    assert not (small.workdir / "figures" / "register_entropy.png").exists()


def test_result_without_test_accuracy(small, no_drawing):
    result = {"space": "toy", "data": "table", "arch": [1, 0], "evaluations": 40}
    small.dump("result.json", result)
    (small.workdir / "search" / "registers.npz").unlink()
    page = page_of(small)
    assert "How sure" not in page.text and "toy on table" in page.text
    assert page.table("Search score") == [["winner", *["–"] * 6]]


def test_ranking_is_shown(small):
    rng = np.random.default_rng(0)
    true = rng.uniform(0.5, 0.93, 200)
    ranking = {
        "kendall_tau": 0.7123,
        "spearman": 0.8876,
        "num_archs": 200,
        "true": true.tolist(),
        "scores": (true + rng.normal(0, 0.03, 200)).tolist(),
    }
    small.dump("ranking.json", ranking)
    page = page_of(small)
    assert "of 200 architectures" in page.text
    assert "tau 0.712 and Spearman’s rho 0.888" in page.text
    assert_drawn((small.workdir / "figures" / "ranking_scatter.png").read_bytes())


def measures(tau, **changes):
    fields = {"kendall_tau": tau, "tau_low": tau - 0.02, "tau_high": tau + 0.02}
    tenth = {"best_tenth_tau": 0.25, "best_tenth_low": 0.1, "best_tenth_high": 0.4}
    picks = {"spearman": 0.9, "pick": 0.9213, "tied": 1, "top_ten": 0.9301}
    return fields | tenth | picks | changes


def test_scores_are_ranked_side_by_side(small):
    flat = {"best_tenth_tau": None, "best_tenth_low": None, "best_tenth_high": None}
    worth = "Was the search worth it? Worth it: <really>."
    ranking = {
        "kendall_tau": 0.7,
        "spearman": 0.9,
        "true": [0.5, 0.6, 0.7],
        "scores": [0.1, None, 0.3],
        "measures": {
            "loss": measures(0.7),
            "macs": measures(0.55, tied=3, **flat),
        },
        "worth": {"sentence": worth},
    }
    small.dump("ranking.json", ranking)
    page = page_of(small)
    assert page.table("Kendall's tau (95 %)") == [
        ["loss", "0.700 [0.680, 0.720]", "0.900", "0.250 [0.100, 0.400]"]
        + ["92.13 %", "93.01 %"],
        ["MACs", "0.550 [0.530, 0.570]", "0.900", "–"]
        + ["92.13 % (1 of 3 alike)", "93.01 %"],
    ]
    assert worth in page.text
    assert_drawn((small.workdir / "figures" / "ranking_bars.png").read_bytes())
    del ranking["measures"]["macs"]["pick"]
    small.dump("ranking.json", ranking)
    with pytest.raises(ValueError, match="measures of macs: got no field 'pick'"):
        write_report(small.workdir)


def test_the_verdict_begins_with_what_the_search_was_worth(small, no_drawing):
    result = json.loads((small.workdir / "result.json").read_text())
    sentence = "Was the search worth it? Not told apart: it seems."
    result["worth"] = {"sentence": sentence}
    result["baselines"]["random_1"] = result["baselines"].pop("random")
    small.dump("result.json", result)
    page = page_of(small)
    _, verdict = page.source.split('<section class="verdict"')
    (first, *_) = verdict.split("<li>")[1:]
    assert sentence in first
    assert "random subnet 1 of its cost" in page.text


def test_broken_row_is_named(small):
    path = small.workdir / "search" / "history.jsonl"
    path.write_text(path.read_text().replace('"evaluation": 3,', '"evaluation": ,', 1))
    with pytest.raises(ValueError, match=r"history\.jsonl, line 3: not valid JSON"):
        write_report(small.workdir)
