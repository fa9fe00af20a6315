"""Jobs by each score of a supernet's subnets: what is recorded, kept and refused."""

import dataclasses
import shutil

import numpy as np
import pytest
from scipy import stats

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.reference import evaluate_reference, read_fused
from qnas_jax.jobs.nas.scores import subnet_evaluator
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.options import OptionError
from qnas_jax.runs import read_json, read_rows
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py"]
TERMS = ("loss", "synflow", "macs")
SUM = {"loss": 0.5, "effects": 0.5, "synflow": 1.0, "macs": 1.0}


@pytest.fixture
def fused_config(tiny_config):
    tiny_config.search.update(score="fused")
    tiny_config.fused.update(terms=TERMS[1:], images=8, reference=5, calibrate=5)
    tiny_config.train.update(epochs=1, batch_size=32, at_once=1)
    tiny_config.retrain.update(compare=False, epochs=1)
    return tiny_config


def rows_in(setting, *names):
    return read_rows(setting.folder.path.joinpath(*names))


def normal_score(name, row, reference):
    """By SciPy, inside of the sample; None outside."""
    sign = -1 if name == "loss" else 1
    values = [sign * each["metrics"][name] for each in reference]
    scores = stats.norm.ppf((stats.rankdata(values) - 0.375) / (len(values) + 0.25))
    at, order = sign * row["metrics"][name], np.argsort(values)
    inside = min(values) <= at <= max(values)
    return np.interp(at, np.take(values, order), scores[order]) if inside else None


def left_in(folder):
    """Evaluations, trained networks without their times, and weights."""
    assert not (folder / "outcomes.jsonl").exists()
    trained = read_rows(folder / "trained.jsonl")
    for row in trained:
        del row["costs"]["seconds"]
    weights = (folder / "weights.json").read_text()
    return (folder / "evaluations.jsonl").read_text(), trained, weights


@pytest.mark.slow
def test_a_job_by_the_fused_score(finished, fused_config, make_setting):
    """The supernet is there: reference, calibration, search and all after it."""
    said = []
    setting = dataclasses.replace(make_setting(fused_config), say=said.append)
    with pytest.raises(UserError, match="run --stage=reference first"):
        run_stages(setting, "search", COMMAND)
    lines = run_stages(setting, "reference", COMMAND)
    reference = rows_in(setting, "reference", "evaluations.jsonl")
    assert len({tuple(row["arch"]) for row in reference}) == 5
    assert {row["generation"] for row in reference} == {-1}
    found = read_json(setting.folder.path / "reference" / "weights.json")
    learnt, weights = found["calibration"], found["weights"]
    assert set(learnt["weights"]) == {*TERMS, "effects", "params"}
    assert set(learnt["tau_of"]) == set(learnt["weights"])
    assert learnt["networks"] == 5
    better = learnt["tau"] > learnt["tau_of_sum"]
    assert weights == (learnt["weights"] if better else SUM)
    assert any("Kendall tau with the validation accuracy of 5" in line for line in said)
    assert lines[0].startswith("reference: the score is ")
    effects = read_fused(setting).effects(
        np.asarray([row["arch"] for row in reference])
    )
    for row, effect in zip(reference, np.asarray(effects).tolist(), strict=True):
        row["metrics"]["effects"] = effect

    history = rows_in(setting, "search", "history.jsonl")
    compared = 0
    for row in history:
        assert row["score"] == row["metrics"]["fused"]
        assert {"accuracy", "params", *TERMS} < set(row["metrics"])
        assert row["metrics"]["macs"] == row["costs"]["macs"]
        parts = {name: normal_score(name, row, reference) for name in weights}
        if None not in parts.values():
            total = sum(weight * parts[name] for name, weight in weights.items())
            assert row["score"] == pytest.approx(total, abs=1e-4)
            compared += 1
    assert compared >= 3
    # What a ranking of the space, or a user, gets of the finished run.
    some = history[:4]
    evaluator = subnet_evaluator(setting)
    archs = np.asarray([row["arch"] for row in some], np.int32)
    again = evaluator(setting.key("rank"), archs).metrics
    assert set(again) == set(some[0]["metrics"]) and evaluator.score.metric == "fused"
    for name, values in again.items():
        expected = [row["metrics"][name] for row in some]
        np.testing.assert_array_equal(np.asarray(values), np.float32(expected))
    searched = [r for r in rows_in(setting, "metrics.jsonl") if r["stage"] == "search"]
    assert {row["scored_by"] for row in searched} == {"fused"}
    best = read_json(setting.folder.path / "best_arch.json")
    assert best["scored_by"] == "fused"
    assert best["score"] == max(row["score"] for row in history[: best["evaluations"]])
    result = read_json(setting.folder.path / "result.json")
    assert result["scored_by"] == "fused" and result["reference_evaluations"] == 5
    page = (setting.folder.path / "report.html").read_text()
    assert "and 5 of the reference sample" in page
    assert "normal scores of the subnet&#39;s loss and of training-free terms" in page

    # Stopped within the sample, and within the calibration: the same in the end.
    folder = setting.folder.path / "reference"
    expected = left_in(folder)
    shutil.rmtree(folder)
    setting.should_stop = lambda: True
    with pytest.raises(Stopped):
        evaluate_reference(setting)
    assert len(read_rows(folder / "evaluations.jsonl")) == 4
    setting.should_stop = (folder / "outcomes.jsonl").exists
    with pytest.raises(Stopped):
        evaluate_reference(setting)
    assert 1 <= len((folder / "outcomes.jsonl").read_text().splitlines()) < 5
    setting.should_stop = lambda: False
    evaluate_reference(setting)
    assert left_in(folder) == expected
    setting.should_stop = lambda: pytest.fail("nothing is left to do")
    (folder / "weights.json").unlink()
    evaluate_reference(setting)
    assert left_in(folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sign"), [("loss", -1), ("macro_f1", 1)])
def test_a_search_by_another_metric(finished, tiny_config, make_setting, name, sign):
    tiny_config.search.score = name
    setting = make_setting(tiny_config)
    (setting.folder.path / "search" / "history.jsonl").unlink()
    search_architecture(setting)
    history = rows_in(setting, "search", "history.jsonl")
    assert history
    assert all(row["score"] == sign * row["metrics"][name] for row in history)
    best = read_json(setting.folder.path / "best_arch.json")
    assert best["scored_by"] == name
    assert best["score"] == max(row["score"] for row in history[: best["evaluations"]])


def test_what_does_not_fit_is_said_at_once(fused_config, make_setting):
    cases = [
        (
            {"weights": (1.0,)},
            r"fused.weights: got \(1.0,\), allowed: a number for eac",
        ),
        ({"terms": ("magic",)}, r"fused.terms: got .*magic.*, allowed: .*synflow"),
        ({"terms": ("macs", "macs")}, "fused.terms: got .*, allowed: at least one ter"),
        (
            {"calibrate": 6},
            "fused.calibrate: got 6, allowed: 0, or 5..5, the size of t",
        ),
        ({"reference": 4}, "fused.reference: got 4, allowed: int >= 5"),
        ({"supernet_weight": 0.0}, "fused.supernet_weight: got 0.0, allowed: a number"),
    ]
    for values, message in cases:
        config = fused_config.copy_and_resolve_references()
        config.fused.update(values)
        with pytest.raises(OptionError, match=message) as error:
            make_setting(config)
        assert "\n" not in str(error.value)
    fused_config.train.batch_size = 1000
    with pytest.raises(UserError, match=r"train\.batch_size: got 1000, expected 1\.\."):
        run_stages(make_setting(fused_config), "all", COMMAND)
    fused_config.search.score = "perplexity"
    message = r"search.score: got 'perplexity', allowed: accuracy .the task's own "
    with pytest.raises(OptionError, match=message + "score., loss, balanced_acc"):
        run_stages(make_setting(fused_config), "all", COMMAND)
    fused_config.search.score = "luck"
    with pytest.raises(
        OptionError, match="search.score: got 'luck', allowed: one of a"
    ):
        make_setting(fused_config)


def test_terms_are_read_only_where_the_score_is_fused(tiny_config, make_setting):
    tiny_config.fused.terms = ("magic",)
    assert make_setting(tiny_config).config.search.score == "accuracy"
