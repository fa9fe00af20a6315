"""All parts by their commands: names, flags that exist, failures that are told."""

import importlib
import pathlib
import re

import pytest

from experiments.measuring import subnet_rows
from experiments.publishing import run_all

ROOT = pathlib.Path(run_all.__file__).parents[2]


@pytest.mark.parametrize("part", run_all.PARTS, ids=lambda part: part.name)
def test_every_flag_is_one_of_the_script(part):
    """The scripts declare their flags when they are run, so their text is read."""
    words = run_all.command(part, quick=False, folder=ROOT, data="data")[1:]
    words += (part.quick or "").split()
    if words[0] == "-m":
        file = importlib.util.find_spec(words[1]).origin
    else:
        file = ROOT / words[0]
    texts = [pathlib.Path(file).read_text("utf-8")]
    if "run_command(" in texts[0]:
        texts.append(pathlib.Path(subnet_rows.__file__).read_text("utf-8"))
    declared = set(re.findall(r'"(?:--)?(\w+)",', "".join(texts)))
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
    assert (
        part.shown == "python -m experiments.comparisons.strategies --data_dir=FOLDER"
    )
    (part,) = [part for part in run_all.PARTS if part.name == "searches"]
    assert part.shown.endswith("benches.search --data_dir=FOLDER --many=100000")


def test_long_parts_are_run_where_they_are_asked_for():
    long = {"budgets", "fronts", "exports", "costs", "predictors"}
    assert {part.name for part in run_all.PARTS if part.long} == long
    assert not long & set(run_all.default_names(long=False))
    assert run_all.default_names(long=True) == [part.name for part in run_all.PARTS]
