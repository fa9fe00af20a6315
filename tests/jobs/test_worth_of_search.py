"""The honest end: random networks of the winner's cost are retrained beside it."""

import json

import numpy as np
import pytest

from qnas_jax.evaluation import TRUTHS
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.candidates import candidates_of
from qnas_jax.jobs.nas.report import report_run
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.reporting import worth_of_winner
from qnas_jax.reporting.formats import percent
from qnas_jax.runs import write_json
from tests.jobs.conftest import make_setting_in

COMMAND = ["python", "main.py"]


def read(setting, name):
    return json.loads((setting.folder.path / name).read_text())


def verdicts(lines):
    return [line for line in lines if line.startswith("Was the search worth it?")]


@pytest.mark.slow
def test_the_last_line_says_what_the_search_was_worth(
    finished, tiny_config, make_setting
):
    tiny_config.retrain.update(epochs=1, random_picks=1)
    setting = make_setting(tiny_config)
    *lines, last = run_stages(setting, "retrain", COMMAND)
    (page,) = [line for line in lines if line.startswith("report: ")]
    result = read(setting, "result.json")
    pick = result["baselines"]["random_1"]
    assert page.endswith("report.html") and pick["search_score"] is None
    assert pick["arch"] != result["arch"]
    off = abs(pick["macs"] / result["macs"] - 1)
    expected = worth_of_winner(
        result["test_accuracy"],
        [pick["test_accuracy"]],
        80,
        aside=f"the nearest found, {100 * off:.0f} % off" if off > 0.1 else "",
        alone=(pick["alone_right"]["winner"], pick["alone_right"]["other"]),
    )
    assert result["worth"] == expected.row()
    assert last == expected.sentence
    text = (setting.folder.path / "report.html").read_text()
    assert "random subnet 1 of its cost" in text
    assert text.count("Was the search worth it?") == 1


def test_picks_follow_from_the_seed_and_have_the_cost(finished, tiny_config):
    def picks(setting):
        return [c for c in candidates_of(setting) if c.name.startswith("random_")]

    assert picks(finished) == []
    tiny_config.retrain.random_picks = 3
    path = finished.folder.path
    first, again = (picks(make_setting_in(path, tiny_config)) for _ in range(2))
    assert [c.name for c in first] == ["random_1", "random_2", "random_3"]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.arch, other.arch)
    winner = read(finished, "best_arch.json")["arch"]
    macs = finished.costs.cost(np.array(list(np.ndindex(2, 3))))["macs"]
    own = finished.costs.cost(np.array([winner]))["macs"][0]
    off = np.sort(np.abs(macs - own))[1:4]
    found = [abs(finished.costs.cost(c.arch[None])["macs"][0] - own) for c in first]
    # All of the band come before the nearest of the others.
    assert sorted(found)[-1] <= max(off[-1], 0.1 * own)


@pytest.mark.slow
def test_a_winner_with_a_known_truth_is_placed_among_its_cost(
    finished, quick, monkeypatch
):
    archs = np.array(list(np.ndindex(2, 3)), np.int32)
    truth = np.linspace(0.1, 0.6, 6)
    monkeypatch.setitem(TRUTHS, "tiny", lambda folder: (archs, truth))
    assert not verdicts(report_run(finished))  # digits are not what the truth is of
    result = read(finished, "result.json")
    assert result["worth_by_truth"] is None
    object.__setattr__(finished.dataset, "name", "cifar10")
    (last,) = verdicts(report_run(finished))
    macs = finished.costs.cost(archs)["macs"]
    at = np.flatnonzero((archs == result["arch"]).all(axis=1))[0]
    off = np.abs(macs - macs[at]) / macs[at]
    alike = (off <= 0.1) & (off > 0)
    if not alike.any():
        alike = off > 0  # the nearest ten, of five
    found = read(finished, "result.json")["worth_by_truth"]
    assert found["picks"] == alike.sum()
    assert found["difference"] == pytest.approx(truth[at] - np.median(truth[alike]))
    assert last == found["sentence"] and "the winner truly reaches" in last


@pytest.mark.slow
def test_a_search_says_the_truth_of_its_pick(finished, monkeypatch):
    archs = np.array(list(np.ndindex(2, 3)), np.int32)
    truth = np.linspace(0.1, 0.6, 6)
    said = []
    finished.say = said.append
    monkeypatch.setitem(TRUTHS, "tiny", lambda folder: (archs, truth))
    search_architecture(finished)
    assert not said  # digits are not what the truth is of
    object.__setattr__(finished.dataset, "name", "cifar10")
    search_architecture(finished)
    pick = read(finished, "best_arch.json")["arch"]
    own = truth[(archs == pick).all(axis=1)][0]
    (line,) = said
    assert line.startswith("search: Was the search worth it?")
    assert f"the search's pick truly reaches {percent(own)}" in line


def test_without_picks_nothing_is_claimed(finished, quick):
    path = finished.folder.path / "retrain" / "networks.json"
    networks = json.loads(path.read_text())
    write_json(path, {"winner": networks["winner"]})
    assert not verdicts(report_run(finished))
    assert read(finished, "result.json")["worth"] is None
