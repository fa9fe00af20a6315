"""The answers of retrained classifiers on test examples, and what is made of them."""

import json

import numpy as np
import pytest

from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.answers import alone_right, write_answers
from qnas_jax.reporting.statistics import two_networks

COMMAND = ["python", "main.py"]


def answers_of(setting, name):
    with np.load(setting.folder.path / "retrain" / name / "answers.npz") as arrays:
        return arrays["answers"], arrays["targets"]


def test_who_is_right_alone(finished):
    folder, targets = finished.folder.path, np.asarray(finished.dataset.test.targets)
    wrong = (targets + 1) % finished.dataset.num_classes
    place = np.arange(len(targets))
    write_answers(finished, "made_a", np.where(place < 3, wrong, targets))
    write_answers(finished, "made_b", np.where(place < 1, -1, targets))
    found = alone_right(folder, "made_a", ["made_b", "nobody"])
    assert found == {"made_b": {"winner": 0, "other": 2}}
    assert alone_right(folder, "nobody", ["made_a"]) == {}
    assert answers_of(finished, "made_b")[0].dtype == np.int8


@pytest.mark.slow
def test_answers_are_those_of_the_result(finished, tiny_config, make_setting):
    tiny_config.retrain.update(epochs=1, random_picks=1)
    setting = make_setting(tiny_config)
    run_stages(setting, "retrain", COMMAND)
    result = json.loads((setting.folder.path / "result.json").read_text())
    answers, targets = answers_of(setting, "winner")
    np.testing.assert_array_equal(targets, setting.dataset.test.targets)
    table = np.zeros_like(result["test_confusion"])
    np.add.at(table, (targets, answers), 1)
    np.testing.assert_array_equal(table, result["test_confusion"])
    others, _ = answers_of(setting, "random_1")
    alone = {
        "winner": int(np.sum((answers == targets) & (others != targets))),
        "other": int(np.sum((answers != targets) & (others == targets))),
    }
    pick = result["baselines"]["random_1"]
    assert pick["alone_right"] == alone
    numbers = result["test_accuracy"], pick["test_accuracy"], len(targets)
    expected = two_networks(*numbers, (alone["winner"], alone["other"]))
    worth = result["worth"]
    assert (worth["low"], worth["high"], worth["p_value"]) == pytest.approx(
        expected[:3]
    )
    assert "McNemar" in worth["sentence"]
    spent = json.loads((setting.folder.path / "spent.json").read_text())
    assert set(spent["processor_seconds"]) == set(spent["seconds"]) >= {"retrain"}
    assert spent["processor_seconds"]["retrain"] > 0
