"""The last lines of a run, of files that a run would have left."""

import json
from types import SimpleNamespace

import pytest

from qnas_jax.jobs.nas.closing import closing_lines
from qnas_jax.spaces import SearchSpace

RESULT = {
    "arch": [0, 1],
    "test_accuracy": 0.9,
    "test_examples": 100,
    "parameters": 1234,
    "macs": 56789,
    "evaluations": 40,
    "reference_evaluations": 2,
    "seconds": {"supernet": 60.0, "search": 65.0},
}


@pytest.fixture
def setting(tmp_path):
    made_by = {"command": "qnas --config=digits --workdir='a b'"}
    (tmp_path / "environment.json").write_text(json.dumps(made_by))
    space = SearchSpace("two", (("skip", "conv"),) * 2)
    return SimpleNamespace(folder=SimpleNamespace(path=tmp_path), space=space)


def closing(setting, **changes):
    result = {**RESULT, **changes}
    result = {name: value for name, value in result.items() if value is not None}
    (setting.folder.path / "result.json").write_text(json.dumps(result))
    return [line.replace("\u00a0", " ") for line in closing_lines(setting)]


def test_winner_accuracy_and_cost_by_hand(setting):
    assert closing(setting) == [
        "winner: skip|conv",
        # Wilson's interval of 90 of 100.
        "accuracy: 90.00 % of 100 test examples (95 % interval 82.56 % to 94.48 %)",
        "cost: 1,234 parameters, 56,789 multiply-adds, found in 42 evaluations, "
        "2 min 05 s in all",
    ]


def test_a_model_says_how_it_predicts(setting):
    folder = setting.folder.path
    (folder / "model").mkdir()
    for kind, given in (("images", "FOLDER_OR_NPZ"), ("series", "FILE")):
        (folder / "model" / "model.json").write_text(json.dumps({"inputs": kind}))
        *_, model, predict = closing(setting)
        assert model == (
            f'model: {folder}/model, in Python qnas_jax.load_model("{folder}")'
        )
        assert predict == (
            f"predict: qnas --stage=predict --workdir={folder} --input={given}"
        )


@pytest.mark.parametrize("made_by", [{}, {"command": "qnas_jax.run"}])
def test_a_run_without_a_command_is_asked_by_ours(setting, made_by):
    folder = setting.folder.path
    (folder / "environment.json").write_text(json.dumps(made_by))
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text(json.dumps({"inputs": "text"}))
    assert closing(setting)[-1] == (
        f"predict: qnas --stage=predict --workdir={folder} --input=FILE"
    )


def test_other_metrics_and_no_network(setting):
    lines = closing(
        setting, test_accuracy=None, test_loss=2.5, parameters=None, macs=None
    )
    assert lines[1:] == [
        "on test: loss 2.5",
        "cost: found in 42 evaluations, 2 min 05 s in all",
    ]
