"""A job on a user's own sentences: a file is named, and all else follows from it."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.options import OptionError
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
def test_the_whole_job(config, make_setting):
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
    assert not (folder / "model").exists()
    said = run_stages(make_setting(config), "export", COMMAND)
    assert "export: nothing to do: models of text are not written yet" in said


def test_what_does_not_go_together_is_one_line(config, make_setting):
    config.retrain.baselines = ("fcn",)
    with pytest.raises(UserError, match="baselines: got 'fcn', expected of text one"):
        run_stages(make_setting(config), "all", COMMAND)
    config.space.name = "series"
    with pytest.raises(OptionError, match="one of text, text_tiny, .*few.* for text "):
        run_stages(make_setting(config), "all", COMMAND)
