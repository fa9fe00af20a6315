"""Searches by other evaluators than a supernet, from the stages to the page."""

import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.options import OptionError
from qnas_jax.runs import read_json, read_rows

COMMAND = ["python", "main.py"]

MINE = """
SCORE = "error"
LARGER_IS_BETTER = False
FIDELITIES = ("1", "9")


def evaluate(arch, indices, fidelity):
    if indices == (1, 1):
        raise RuntimeError("out of memory")
    return {"error": 10 - sum(indices) - int(fidelity) / 100, "epochs": int(fidelity)}
"""


@pytest.fixture
def config(tiny_config, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    tiny_config.evaluator.update(name="function", file=str(tmp_path / "mine.py"))
    tiny_config.retrain.update(compare=False, epochs=1)
    return tiny_config


@pytest.mark.slow
def test_a_function_of_the_users_finds_a_winner_that_is_retrained(config, make_setting):
    config.evaluator.workers = 1
    config.search.update(strategy="exhaustive", generations=2, population=4)
    setting = make_setting(config)
    run_stages(setting, "all", COMMAND)
    folder = setting.folder.path
    assert not (folder / "supernet").exists()
    rows = read_rows(folder / "search" / "history.jsonl")
    assert len(rows) == 6
    failed = [row for row in rows if row["status"] != "ok"]
    assert [(row["arch"], row["status"], row["score"]) for row in failed] == [
        ([1, 1], "error", None)
    ]
    assert failed[0]["reason"].endswith("mine.py, line 9: RuntimeError: out of memory")
    best = read_json(folder / "best_arch.json")
    assert best["arch"] == [1, 2]
    result = read_json(folder / "result.json")
    assert result["search_score"] == best["score"] == pytest.approx(-6.91)
    assert 0 <= result["test_accuracy"] <= 1
    assert (folder / "report.html").exists()
    with pytest.raises(UserError, match="--stage=supernet: .* has no such stage"):
        run_stages(setting, "supernet", COMMAND)


def test_cheap_evaluations_first(config, make_setting):
    """Only the search; halving meets the two fidelities of the file."""
    config.search.update(strategy="successive_halving", generations=4, population=4)
    config.successive_halving.update(num_fidelities=2)
    setting = make_setting(config)
    search_architecture(setting)
    rows = read_rows(setting.folder.path / "search" / "history.jsonl")
    assert {row["fidelity"] for row in rows} >= {0, 1}
    for row in rows:
        if row["status"] == "ok" and row["fidelity"] >= 0:
            assert row["metrics"]["epochs"] == (1, 9)[row["fidelity"]]
    config.successive_halving.update(num_fidelities=3)
    message = r"successive_halving.num_fidelities: got 3, allowed: 2, those of the eval"
    with pytest.raises(OptionError, match=message):
        search_architecture(make_setting(config, "other"))


def test_a_supernet_has_one_fidelity(config, make_setting):
    config.search.update(strategy="successive_halving")
    config.evaluator.name = "supernet"
    with pytest.raises(OptionError, match=r"a supernet scores at one fidelity"):
        make_setting(config)
