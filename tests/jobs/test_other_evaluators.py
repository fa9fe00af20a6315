"""The main job with evaluators that train nothing."""

import json

import pytest

from qnas_jax.jobs import run_stages
from qnas_jax.runs import read_rows

COMMAND = ["python", "main.py"]
PLAIN = """
from qnas_jax.spaces import SearchSpace, register_space

register_space(
    "recipes", lambda shape, outputs: SearchSpace("recipes", (("rye", "oat"),) * 3)
)
"""
MINE = """
def evaluate(arch):
    if arch[0] == "oat" and arch[1] == "oat":
        raise ValueError("too dry")
    return {"taste": arch.count("oat"), "price": 3.0}
SCORE = "taste"
"""


@pytest.fixture
def job(tiny_config, make_setting, tmp_path):
    """Runs the job with a function of the user's, on a space without networks."""
    (tmp_path / "space.py").write_text(PLAIN)
    (tmp_path / "mine.py").write_text(MINE)
    tiny_config.space.update(name="recipes", file=str(tmp_path / "space.py"))
    tiny_config.evaluator.update(name="function", file=str(tmp_path / "mine.py"))
    tiny_config.search.update(strategy="exhaustive", population=4, generations=2)
    setting = make_setting(tiny_config)
    return setting, run_stages(setting, "all", COMMAND)


def test_architectures_need_not_be_networks(job):
    setting, said = job
    path = setting.folder.path
    assert [line.split(":")[0] for line in said] == [
        "search",
        "retrain",
        "export",
        "report",
    ]
    assert "no networks" in said[1]
    assert not (path / "supernet").exists() and not (path / "result.json").exists()
    best = json.loads((path / "best_arch.json").read_text())
    assert best["score"] == 2 and best["layers"] == []
    assert best["string"].split("|").count("oat") == 2
    page = (path / "report.html").read_text()
    assert best["string"] in page


def test_no_data_set_is_read_where_nothing_is_trained(job):
    setting, _ = job
    assert "dataset" not in vars(setting) and "task" not in vars(setting)


def test_failures_are_recorded_and_do_not_win(job):
    setting, _ = job
    rows = read_rows(setting.folder.path / "search" / "history.jsonl")
    assert len(rows) == 8
    failed = [row for row in rows if row["status"] != "ok"]
    assert {tuple(row["arch"][:2]) for row in failed} == {(1, 1)} and len(failed) == 2
    assert all("too dry" in row["reason"] for row in failed)
    good = next(row for row in rows if row["status"] == "ok")
    assert set(good["metrics"]) == {"taste", "price"}
    assert set(good["costs"]) == {"seconds"}  # of the evaluation, none of a network
