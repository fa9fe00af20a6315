"""A job whose search trains its candidates from scratch."""

import dataclasses

import pytest

from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.options import OptionError
from qnas_jax.runs import read_json, read_rows
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py"]


@pytest.fixture
def config(tiny_config):
    tiny_config.evaluator.name = "train"
    tiny_config.train.update(epochs=3, fidelities=(1,), batch_size=32, at_once=1)
    tiny_config.train_images.update(crop_padding=1)
    tiny_config.search.update(strategy="hyperband", generations=4, population=3)
    tiny_config.hyperband.update(num_fidelities=2, eta=2)
    tiny_config.retrain.update(compare=False, epochs=1)
    return tiny_config


def history_of(setting):
    """Rows without what time it took."""
    rows = read_rows(setting.folder.path / "search" / "history.jsonl")
    for row in rows:
        del row["costs"]["seconds"]
    return [{**row, "check": None} for row in rows]


@pytest.mark.slow
def test_a_stopped_search_goes_on_as_if_it_was_never_stopped(config, make_setting):
    """Stopped within a generation; then the whole job."""
    whole = make_setting(config, "whole")
    search_architecture(whole)
    setting = make_setting(config)
    outcomes = setting.folder.path / "search" / "outcomes.jsonl"
    setting = dataclasses.replace(setting, should_stop=outcomes.exists)
    with pytest.raises(Stopped):
        run_stages(setting, "all", COMMAND)
    assert 0 < len(outcomes.read_text().splitlines()) < 3
    setting = make_setting(config)
    run_stages(setting, "all", COMMAND)
    rows = history_of(setting)
    assert rows == history_of(whole)
    assert {row["fidelity"] for row in rows} == {0, 1, -1}
    for row in rows:
        assert row["costs"]["epochs"] == (1, 3, 3)[row["fidelity"]]
        assert {"params", "macs"} < row["costs"].keys() and row["status"] == "ok"
    assert not outcomes.exists() and not (setting.folder.path / "supernet").exists()
    result = read_json(setting.folder.path / "result.json")
    best = read_json(setting.folder.path / "best_arch.json")
    highest = [row for row in rows if row["fidelity"] == 1]
    assert best["score"] == max(row["score"] for row in highest)
    assert result["search_score"] == best["score"]
    assert 0 <= result["test_accuracy"] <= 1


def test_what_does_not_fit_is_said_at_once(config, make_setting):
    config.train.fidelities = (1, 2)
    message = (
        "hyperband.num_fidelities: got 2, allowed: 3, those of the evaluator train"
    )
    with pytest.raises(OptionError, match=message):
        run_stages(make_setting(config), "all", COMMAND)
    config.train.update(fidelities=(), batch_size=1000)
    config.search.strategy = "qbit"
    with pytest.raises(
        Exception, match=r"train\.batch_size: got 1000, expected 1\.\.160"
    ):
        run_stages(make_setting(config, "other"), "all", COMMAND)
