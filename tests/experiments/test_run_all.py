"""All parts by their commands: flags that exist, failures, tables from rows alone."""

import dataclasses
import importlib
import json
import pathlib
import re

import pytest

from experiments import run_all

ROOT = pathlib.Path(run_all.__file__).parents[1]


@pytest.mark.parametrize("part", run_all.PARTS, ids=lambda part: part.name)
def test_every_flag_is_one_of_the_script(part):
    """The scripts declare their flags when they are run, so their text is read."""
    words = run_all.command(part, quick=False, folder=ROOT, data="data")[1:]
    words += (part.quick or "").split()
    if words[0] == "-m":
        file = importlib.util.find_spec(words[1]).origin
    else:
        file = ROOT / words[0]
    declared = set(re.findall(r'"(\w+)",', pathlib.Path(file).read_text("utf-8")))
    named = [word.split("=")[0] for word in words if word.startswith("--")]
    assert {name.removeprefix("--").removeprefix("no") for name in named} <= declared
    assert not any("{" in word for word in words)


def test_a_part_that_fails_stops_no_other(tmp_path):
    good = run_all.Part("good", "-m this")
    bad = run_all.Part("bad", "-m experiments.none")
    slow = run_all.Part("slow", "-m this", quick=None)
    seconds = run_all.run(
        [bad, good, slow], quick=True, folder=tmp_path, data="nowhere"
    )
    assert seconds["bad"] < 0 < seconds["good"] and "slow" not in seconds
    assert "Zen" in (tmp_path / "good.txt").read_text()
    assert "experiments.none" in (tmp_path / "bad.log").read_text()
    told = run_all.summary(seconds, tmp_path)
    assert "failed, see" in told and told.splitlines()[-1].startswith("in all")


def test_a_part_without_a_quick_form_says_so(tmp_path):
    part = run_all.Part("slow", "-m this", quick=None)
    with pytest.raises(ValueError, match="slow: got quick, expected full"):
        run_all.command(part, quick=True, folder=tmp_path, data="")


def test_peers_and_data_reach_the_command(tmp_path):
    (part,) = [part for part in run_all.PARTS if part.name == "scoring"]
    words = run_all.command(part, quick=False, folder=tmp_path, data="d", peer="public")
    assert words[-1] == "--peer=public"
    (part,) = [part for part in run_all.PARTS if part.name == "comparison"]
    words = run_all.command(part, quick=True, folder=tmp_path, data="d", peer="public")
    assert words[-1] == "--quick" and "--data_dir=d" in words
    assert part.shown == "python -m experiments.compare_strategies --data_dir=FOLDER"


RULE = {"rule": "han_kim_2002", "migration": "default", "angle / pi": 0.05}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Two parts whose rows and figure lie in a folder, and a README."""
    names = {"training", "search_rules"}
    parts = [part for part in run_all.PARTS if part.name in names]
    figure = dataclasses.replace(parts[-1], figures={"made.png": ".png"})
    monkeypatch.setattr(run_all, "PARTS", (parts[0], figure))
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
    readme = tmp_path / "README.md"
    readme.write_text(
        "before\n<!-- begin: results -->\nold\n<!-- end: results -->\nbetween\n"
        "<!-- begin: search rules -->\nold\n<!-- end: search rules -->\nafter\n"
    )
    return folder, readme


def _write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_tables_stand_in_the_readme(small, tmp_path):
    folder, readme = small
    run_all.publish(run_all.tables(folder), folder, readme, tmp_path)
    lines = readme.read_text().splitlines()
    assert lines[4] == (
        "| single-path training step of `digits`, batch 64 | 60 images/s, 0.16 of the "
        "matrix rate, 0.75 x PyTorch channels_last | "
        "`python -m experiments.bench_training --nogradient` |"
    )
    assert lines[5:7] == ["<!-- end: results -->", "between"]
    qbit = next(line for line in lines if line.startswith("| `qbit`"))
    assert qbit == "| `qbit` | 0.990 ± 0.010 |  |  |  |"
    qiga = next(line for line in lines if line.startswith("| `qiga1`"))
    assert qiga == "| `qiga1` |  | 1397.1 ± 10.4 |  | 1406.53 |"
    assert "old" not in readme.read_text() and lines[-1] == "after"
    assert (tmp_path / "made.png").read_bytes() == b"picture"


def test_nothing_is_published_before_all_parts_have_rows(small, tmp_path):
    folder, readme = small
    (folder / "training.jsonl").unlink()
    with pytest.raises(ValueError, match="got no rows of training"):
        run_all.publish(run_all.tables(folder), folder, readme, tmp_path)
    assert "old" in readme.read_text()


def test_a_readme_without_markers_is_told(small, tmp_path):
    folder, readme = small
    readme.write_text("nothing")
    with pytest.raises(ValueError, match="begin: results"):
        run_all.publish(run_all.tables(folder), folder, readme, tmp_path)


def test_the_readme_has_the_markers_and_the_figures_their_names():
    text = (ROOT / "README.md").read_text("utf-8")
    for name in ("results", "search rules"):
        begin, end = (
            text.index(f"<!-- {word}: {name} -->") for word in ("begin", "end")
        )
        assert begin < end
    figures = {name for part in run_all.PARTS for name in part.figures}
    assert figures == set(re.findall(r"docs/(\w+\.png)", text))
