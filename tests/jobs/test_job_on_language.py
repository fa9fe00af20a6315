"""A job on running text: by trained candidates, and by a supernet."""

import json

import numpy as np
import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import load_model
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder, read_json, read_rows
from qnas_jax.spaces import SPACES

COMMAND = ["python", "main.py"]

SPACE = """
from qnas_jax.spaces import NetworkSpace, chain, fixed, op, register_space

OPS = (op("conv", "text_conv", causal=True), op("ff", "text_feed_forward"))


def next_token(shape, classes, words):
    return NetworkSpace(
        name="next_token",
        layers=chain(12, [(12, 1)], OPS),
        stem=(fixed(shape[-1], 12, 1, "text_embedding", words=words),),
        head=(fixed(12, classes, 1, "text_logits"),),
        input_shape=shape,
        num_classes=classes,
    )


register_space("next_token", next_token)
"""
MODELS = ("lstm", "bigram", "trigram")


@pytest.fixture
def config(tiny_config, tmp_path):
    """Letters that follow each other round a ring of eight, one in ten at random."""
    rng = np.random.default_rng(0)
    place, letters = 0, []
    for _ in range(1200):
        place = rng.integers(8) if rng.random() < 0.1 else (place + 1) % 8
        letters.append("abcdefgh"[place])
    path = tmp_path / "ring.txt"
    path.write_text("".join(letters))
    (tmp_path / "next_token.py").write_text(SPACE)
    tiny_config.data.update(source="plain_text", path=str(path), max_tokens=12)
    tiny_config.data.update(max_train=0, max_valid=0, max_test=0)
    tiny_config.space.update(name="next_token", file=str(tmp_path / "next_token.py"))
    tiny_config.search.update(strategy="random", generations=1, population=2)
    training = {"epochs": 6, "batch_size": 16, "learning_rate": 0.5}
    tiny_config.retrain.update(compare=False, random_picks=1, **training)
    tiny_config.retrain.update(clip_norm=1.0)
    tiny_config.retrain.baselines = MODELS
    yield tiny_config
    SPACES.pop("next_token", None)


def check_results(folder, by):
    """Losses between that of knowing the rule and that of knowing nothing."""
    result = json.loads((folder / "result.json").read_text())
    assert (result["data"], result["space"], result["scored_by"]) == (
        *("ring", "next_token"),
        "loss",
    )
    known = 0.9125 * np.log(1 / 0.9125) + 7 * 0.0125 * np.log(1 / 0.0125)
    others = {**result["baselines"], **result["classifiers"]}
    assert set(others) == {"random_1", *MODELS}
    for row in (result, *others.values()):
        loss = row["test_loss"]
        assert row["test_perplexity"] == pytest.approx(np.exp(loss), rel=1e-4)
        bits = row["test_bits_per_character"]
        assert bits == pytest.approx(loss / np.log(2), rel=1e-4)
        for name, ends in row["intervals"].items():
            assert ends[0] < row[name] < ends[1]
        assert set(row["intervals"]) == {
            *("test_loss", "test_perplexity", "test_bits_per_character")
        }
    assert 0.5 * known < others["bigram"]["test_loss"] < 1.5
    assert result["test_loss"] < np.log(8)
    ahead = others["trigram"]["ahead"]
    difference = others["trigram"]["test_loss"] - result["test_loss"]
    assert ahead["difference"] == pytest.approx(difference, abs=1e-4)
    assert ahead["low"] < ahead["difference"] < ahead["high"]
    assert "nats a token on test" in result["worth"]["sentence"]
    page = (folder / "report.html").read_text()
    for words in (
        "trigram counts",
        "LSTM",
        "Bits a character",
        "paired t over windows",
    ):
        assert words in page
    assert "Test accuracy" not in page
    history = read_rows(folder / "search" / "history.jsonl")
    assert all(row["score"] == -row["metrics"]["loss"] for row in history), by


def check_model(setting, tmp_path):
    """The model of the finished run: its card, and what it says of texts."""
    folder = setting.folder.path
    result, facts = (
        read_json(folder / name) for name in ("result.json", "model/model.json")
    )
    assert facts["remarks"] == [] and max(facts["differences"].values()) < 1e-4
    for name in ("loss", "perplexity", "bits_per_character"):
        assert facts[name] == pytest.approx(result[f"test_{name}"], rel=1e-4)
        wanted = result["intervals"][f"test_{name}"]
        assert facts[f"{name}_interval"] == pytest.approx(wanted, rel=1e-4)
    card = (folder / "model" / "README.md").read_text()
    assert f"({wanted[0]:.3f} to {wanted[1]:.3f}) |" in card
    assert "added = model.continuations(texts)" in card
    assert "model.predict(texts)" in (folder / "report.html").read_text()
    model = load_model(folder)
    test = setting.dataset.test
    texts = [  # a window, and what follows its last token
        "".join(
            model.class_names[number] for number in (*inputs[:1], *targets) if number
        )
        for inputs, targets in zip(test.inputs, test.targets, strict=True)
    ]
    scores = np.concatenate(model.log_probabilities(texts))
    assert len(scores) == (test.targets > 0).sum()
    assert -scores.mean() == pytest.approx(facts["loss"], rel=1e-4)
    (tmp_path / "texts.txt").write_text("abc\r\n\nhabX\ncba")
    said = []
    rows = answers(folder, tmp_path / "texts.txt", said)
    assert said == ["1 of 10 tokens are unknown"]
    assert [row["text"] for row in rows] == [0, 1, 2]
    assert [row["tokens"] for row in rows] == [2, 3, 2]
    for row, text in zip(rows, ("abc", "habX", "cba"), strict=True):
        own = model.log_probabilities([text])[0]
        assert row["log_probability"] == pytest.approx(own.sum(), abs=1e-3)
        assert row["perplexity"] == pytest.approx(np.exp(-own.mean()), rel=1e-3)
    assert rows[0]["perplexity"] < 3 < rows[2]["perplexity"]
    assert (
        rows[0]["continuation"].startswith("defgh")
        and len(rows[0]["continuation"]) == 20
    )
    for name, content, refusal in (
        ("empty.txt", b" \n", "empty.txt: got no text, expected one a line"),
        ("bytes.txt", b"\xff", "bytes.txt: not text in UTF-8"),
        ("in.csv", b"x", "in.csv, expected a file of .txt, .tokens"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=refusal):
            answers(folder, tmp_path / name)
    with pytest.raises(MissingFileError, match="expected a file with a text a line"):
        answers(folder, tmp_path / "nowhere.txt")


def answers(folder, path, said=None):
    setting = open_setting(
        default_config(),
        WorkFolder(folder),
        input=str(path),
        say=[].append if said is None else said.append,
    )
    return [json.loads(line) for line in run_stages(setting, "predict", COMMAND)]


@pytest.mark.slow
def test_trained_candidates(config, make_setting, tmp_path):
    config.evaluator.name = "train"
    config.train.update(epochs=3, batch_size=16, learning_rate=0.5, clip_norm=1.0)
    config.retrain.update(optimizer="adam", learning_rates=(1e-5, 0.02))
    setting = make_setting(config)
    said = run_stages(setting, "all", COMMAND)
    assert any(": perplexity " in line and "test windows" in line for line in said)
    check_results(setting.folder.path, "train")
    check_model(setting, tmp_path)
    config.export.arch = "lstm"
    run_stages(make_setting(config), "export", COMMAND)
    facts = read_json(setting.folder.path / "model" / "model.json")
    assert (facts["network"], facts["remarks"]) == ("lstm", [])
    assert max(facts["differences"].values()) < 1e-4
    result = json.loads((setting.folder.path / "result.json").read_text())
    for row in (result, result["baselines"]["lstm"]):
        assert row["learning_rate"] == 0.02
        assert row["trials"]["0.02"] < row["trials"]["1e-05"]  # of the loss
    assert setting.words == setting.task.num_outputs == 10


@pytest.mark.slow
def test_a_supernet(config, make_setting):
    config.supernet.update(epochs=3, batch_size=16, learning_rate=0.5)
    config.supernet.update(pool_share=0.0, clip_norm=1.0)
    setting = make_setting(config)
    run_stages(setting, "all", COMMAND)
    check_results(setting.folder.path, "supernet")
    rows = read_rows(setting.folder.path / "metrics.jsonl")
    losses = [row["loss"] for row in rows if row["stage"] == "supernet"]
    assert len(losses) == 3 and losses[-1] < losses[0]
    config.export.from_supernet = True
    run_stages(make_setting(config), "export", COMMAND)
    facts = read_json(setting.folder.path / "model" / "model.json")
    assert (facts["network"], facts["remarks"]) == ("supernet", [])
    assert max(facts["differences"].values()) < 1e-4
    assert facts["loss"] < np.log(8)


def test_what_does_not_go_together_is_one_line(config, make_setting):
    config.retrain.baselines = ("bag_of_words",)
    with pytest.raises(UserError, match="'bag_of_words', expected of language one of"):
        run_stages(make_setting(config), "all", COMMAND)
    config.space.name = "text_tiny"
    with pytest.raises(OptionError, match="one of language, language_tiny.* for runn"):
        run_stages(make_setting(config), "all", COMMAND)
