"""A job on a user's own sentences: a file is named, and all else follows from it."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.export import load_model
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder, read_json
from qnas_jax.spaces import SPACES

COMMAND = ["python", "main.py"]

SPACE = """
from qnas_jax.spaces import NetworkSpace, chain, fixed, op, register_space

OPS = (op("conv", "text_conv"), op("ff", "text_feed_forward"), op("skip", "text_skip"))


def few(shape, classes, words):
    return NetworkSpace(
        name="few",
        layers=chain(8, [(8, 1)], OPS),
        stem=(fixed(shape[-1], 8, 1, "text_embedding", words=words),),
        head=(fixed(8, 8, 1, "text_average"), fixed(8, classes, 1, "classifier")),
        input_shape=shape,
        num_classes=classes,
    )


register_space("few", few)
"""


@pytest.fixture
def config(tiny_config, tmp_path):
    """Opinions: one word of each sentence says which, the others say nothing."""
    rng = np.random.default_rng(0)
    said = {"yes": ("good", "fine"), "no": ("bad", "dull")}
    lines = ["sentence\tlabel"]
    for place in range(160):
        label = ("yes", "no")[place % 2]
        words = [f"w{number}" for number in rng.integers(5, size=rng.integers(2, 7))]
        words.insert(rng.integers(len(words)), said[label][rng.integers(2)])
        lines.append(f"{' '.join(words)}.\t{label}")
    path = tmp_path / "opinions.tsv"
    path.write_text("\n".join(lines))
    (tmp_path / "few.py").write_text(SPACE)
    tiny_config.data.update(source="text", path=str(path), max_train=0)
    tiny_config.space.update(name="few", file=str(tmp_path / "few.py"))
    tiny_config.evaluator.name = "train"
    tiny_config.train.update(epochs=6, batch_size=16, learning_rate=0.3)
    tiny_config.train_text.update(word_dropout=0.1)
    tiny_config.search.update(strategy="random", generations=1, population=2)
    tiny_config.constraints.max_params = 600
    tiny_config.retrain.update(epochs=8, batch_size=16, learning_rate=0.3)
    tiny_config.retrain.update(compare=False, precision="bfloat16")
    tiny_config.retrain.baselines = ("lstm", "transformer", "bag_of_words")
    yield tiny_config
    SPACES.pop("few", None)


@pytest.mark.slow
def test_the_whole_job(config, make_setting, tmp_path):
    setting = make_setting(config)
    run_stages(setting, "all", COMMAND)
    assert setting.space.input_shape == (8, 2)
    assert setting.words == len(setting.dataset.words) == 2 + 4 + 5 + 1
    folder = setting.folder.path
    result = json.loads((folder / "result.json").read_text())
    assert (result["data"], result["space"]) == ("opinions", "few")
    assert result["parameters"] <= 600 and result["test_accuracy"] > 0.9
    assert [row["resolution"] for row in result["layers"]] == [8, 8, 8, 1]
    for name in ("lstm", "transformer"):
        found = result["baselines"][name]
        assert found["parameters"] <= 600 and 0 < found["width"] < 1
        assert found["test_accuracy"] > 0.4
    words = result["classifiers"]["bag_of_words"]
    assert words["test_accuracy"] > 0.9
    for row in (result, *result["baselines"].values(), words):
        low, high = row["intervals"]["test_macro_f1"]
        assert low <= row["test_macro_f1"] <= high
        table = np.asarray(row["test_confusion"])
        by_class = np.diagonal(table) / table.sum(axis=1)
        assert row["test_balanced_accuracy"] == pytest.approx(by_class.mean(), abs=1e-5)
    page = (folder / "report.html").read_text()
    assert "bag of words" in page and "LSTM, " in page and "Macro F1" in page
    stored = json.loads((folder / "config.json").read_text())
    assert stored["task"]["name"] == "text_classification"
    assert stored["retrain_text"] == {"word_dropout": 0.0, "label_smoothing": 0.1}
    check_model(setting, result, tmp_path)
    check_hand_made_models(config, make_setting, folder)


def check_hand_made_models(config, make_setting, folder):
    for name in ("lstm", "transformer"):
        config.export.arch = name
        run_stages(make_setting(config), "export", COMMAND)
        facts = read_json(folder / "model" / "model.json")
        assert (facts["network"], facts["remarks"]) == (name, [])
        assert max(facts["differences"].values()) < 1e-4


def check_model(setting, result, tmp_path):
    """The model of the finished run: its card, and its answers to sentences."""
    folder = setting.folder.path
    card = (folder / "model" / "README.md").read_text()
    assert "names, probabilities = model.predict(sentences)" in card
    assert "numbers of their words, int32 [N, 8]" in card
    facts = read_json(folder / "model" / "model.json")
    assert facts["accuracy"] == pytest.approx(result["test_accuracy"], abs=1e-6)
    assert facts["remarks"] == [] and max(facts["differences"].values()) < 1e-4
    model = load_model(folder)
    test = setting.dataset.test
    assert (model(test.inputs).argmax(axis=-1) == test.targets).mean() > 0.9
    asked = ["w1 GOOD w2.", "never w3 dull!"]
    assert model.predict(asked)[0] == ["yes", "no"]
    files = {
        "lines.txt": "\n".join([asked[0], " ", asked[1]]),
        "rows.csv": f'id,Text\n7,"{asked[0]}"\n8,"{asked[1]}"\n',
        "rows.tsv": f"{asked[0]}\n{asked[1]}\n",
        "labelled.tsv": f"label\tsentence\nno\t{asked[0]}\nno\t{asked[1]}\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        rows = answers(folder, tmp_path / name)
        assert [row["text"] for row in rows] == [0, 1]
        assert [row["class"] for row in rows] == ["yes", "no"]
        assert all(0.5 < row["probability"] <= 1 for row in rows)
    said = []
    (tmp_path / "long.txt").write_text("good " * 9)
    answers(folder, tmp_path / "long.txt", said)
    assert said == ["1 of 1 sentences are cut to 8 words"]
    for name, content, refusal in (
        ("empty.txt", " \n", "empty.txt: got no sentence, expected one a line"),
        ("many.csv", "a,b,c\n", "many.csv, line 1: got 3 cells, expected one, or a h"),
        ("uneven.tsv", "a\nb\tc\n", "uneven.tsv, line 2: got 2 cells, expected 1"),
        ("none.csv", 'id,text\n1,""\n', "none.csv, line 2: got '' as the sentence"),
        ("bytes.txt", b"\xff", "bytes.txt: not text in UTF-8"),
        ("in.npz", "x", "in.npz, expected a file of .txt, .txt.gz, .csv"),
    ):
        (tmp_path / name).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
        with pytest.raises(UserError, match=refusal):
            answers(folder, tmp_path / name)


def answers(folder, path, said=None):
    setting = open_setting(
        default_config(),
        WorkFolder(folder),
        input=str(path),
        say=(said if said is not None else []).append,
    )
    return [json.loads(line) for line in run_stages(setting, "predict", COMMAND)]


def test_what_does_not_go_together_is_one_line(config, make_setting):
    config.retrain.baselines = ("fcn",)
    with pytest.raises(UserError, match="baselines: got 'fcn', expected of text one"):
        run_stages(make_setting(config), "all", COMMAND)
    config.space.name = "series"
    with pytest.raises(OptionError, match="one of text, text_tiny, .*few.* for text "):
        run_stages(make_setting(config), "all", COMMAND)
