"""A job on a user's own series: a file is named, and all else follows from it."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.export import load_model
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder
from qnas_jax.spaces import SPACES

COMMAND = ["python", "main.py"]

SPACE = """
from qnas_jax.spaces import NetworkSpace, chain, fixed, op, register_space

OPS = (
    op("sep", "series_separable", kernel=5, dilation=2),
    op("conv", "series_conv"),
    op("skip", "series_skip"),
)


def few(shape, classes):
    return NetworkSpace(
        name="few",
        layers=chain(4, [(4, 1), (8, 2)], OPS),
        stem=(fixed(shape[-1], 4, 1, "series_conv"),),
        head=(
            fixed(8, 8, 1, "global_average"),
            fixed(8, classes, 1, "classifier"),
        ),
        input_shape=shape,
        num_classes=classes,
    )


register_space("few", few)
"""


@pytest.fixture
def config(tiny_config, tmp_path):
    """Waves of two lengths of period, the later half of some missing."""
    rng = np.random.default_rng(0)
    lines = []
    for place in range(120):
        period, steps = (4, 8)[place % 2], (16, 9)[place % 3 == 0]
        wave = np.sin((np.arange(steps) + rng.uniform(0, 8)) * 2 * np.pi / period)
        cells = [f"{value:.3f}" for value in wave + rng.normal(0, 0.1, steps)]
        lines.append(",".join([("fast", "slow")[place % 2], *cells]))
    path = tmp_path / "waves.csv"
    path.write_text("\n".join(lines))
    (tmp_path / "few.py").write_text(SPACE)
    tiny_config.data.update(source="series", path=str(path), max_train=0)
    tiny_config.space.update(name="few", file=str(tmp_path / "few.py"))
    tiny_config.evaluator.name = "train"
    tiny_config.train.update(epochs=8, batch_size=16, learning_rate=0.1)
    tiny_config.train_series.update(shift=2, jitter=0.1)
    tiny_config.search.update(strategy="random", generations=2, population=2)
    tiny_config.search.score, tiny_config.retrain.kept_by = "loss", "loss"
    tiny_config.constraints.max_params = 400
    tiny_config.retrain.update(epochs=12, batch_size=16, compare=False)
    yield tiny_config
    SPACES.pop("few", None)


@pytest.mark.slow
def test_the_whole_job(config, make_setting, tmp_path):
    setting = make_setting(config)
    run_stages(setting, "all", COMMAND)
    assert setting.space.input_shape == (16, 2)  # values, and where they are
    result = json.loads((setting.folder.path / "result.json").read_text())
    assert (result["data"], result["space"]) == ("waves", "few")
    assert result["parameters"] <= 400 and result["test_accuracy"] > 0.8
    history = (setting.folder.path / "search" / "history.jsonl").read_text()
    rows = [json.loads(line) for line in history.splitlines()]
    assert all(row["score"] == -row["metrics"]["loss"] for row in rows)
    assert max(row["score"] for row in rows) == result["search_score"]
    sizes = [row["resolution"] for row in result["layers"]]
    assert sizes == [16, 16, 16, 8, 1]
    page = (setting.folder.path / "report.html").read_text()
    assert "test examples" in page
    for word in ("pixel", " images", "an image"):
        assert word not in page.partition("</style>")[2], word
    stored = json.loads((setting.folder.path / "config.json").read_text())
    assert stored["task"]["name"] == "series_classification"
    assert "retrain_series" in stored and "retrain_images" not in stored
    _ask_the_model(setting, result, tmp_path)


def _ask_the_model(setting, result, tmp_path):
    """Series of an array and rows of a file, shorter ones too, get the same answers."""
    folder = setting.folder.path
    facts = json.loads((folder / "model" / "model.json").read_text())
    assert (facts["inputs"], facts["input_shape"]) == ("series", [16, 1])
    assert facts["accuracy"] == pytest.approx(result["test_accuracy"], abs=1e-6)
    assert facts["remarks"] == [] and max(facts["differences"].values()) < 1e-4
    series = setting.dataset.test.inputs
    ended = np.isnan(series).any(axis=(1, 2))
    series = np.concatenate([series[ended][:3], series[~ended][:2]])
    names, probabilities = load_model(folder).predict(series)
    np.savez(tmp_path / "series.npz", series[..., 0])
    rows = [",".join(f"{v:.7g}" for v in each[~np.isnan(each)]) for each in series]
    (tmp_path / "series.csv").write_text("\n".join(rows))
    for file, told in (
        ("series.npz", []),
        ("series.csv", ["3 of 5 series end before 16 steps"]),
    ):
        answers, said = _answers(folder, tmp_path / file)
        assert said == told
        assert [row["series"] for row in answers] == list(range(5))
        assert [row["class"] for row in answers] == names
        found = [row["probability"] for row in answers]
        np.testing.assert_allclose(found, probabilities, atol=1e-4)
    (tmp_path / "long.tsv").write_text("\t".join("1" * 17))
    with pytest.raises(UserError, match=r"series 0 .from 0.: got 17 steps of 1 chan"):
        _answers(folder, tmp_path / "long.tsv")
    (tmp_path / "asked.pdf").touch()
    with pytest.raises(UserError, match="expected a file of .npz, .csv, .tsv, .txt"):
        _answers(folder, tmp_path / "asked.pdf")
    recordings = tmp_path / "recordings"
    (recordings / "monday").mkdir(parents=True)
    for place, each in enumerate(series):
        steps = [f"{value:.7g}" for value in each[~np.isnan(each)]]
        (recordings / "monday" / f"{place}.csv").write_text("\n".join(steps))
    answers, said = _answers(folder, recordings)
    assert said == ["3 of 5 series end before 16 steps"]
    assert [row["series"] for row in answers] == [f"monday/{n}.csv" for n in range(5)]
    assert [row["class"] for row in answers] == names
    (recordings / "b.csv").write_text("1,2\n3,4")
    with pytest.raises(UserError, match=r"recordings, b.csv: got 2 steps of 2 channel"):
        _answers(folder, recordings)
    np.savez(tmp_path / "words.npz", np.array([["a", "b"]]))
    with pytest.raises(UserError, match=r"expected numbers \[N, 16, 1\]"):
        _answers(folder, tmp_path / "words.npz")


def _answers(folder, path):
    said = []
    setting = open_setting(
        default_config(), WorkFolder(folder), input=str(path), say=said.append
    )
    lines = run_stages(setting, "predict", COMMAND)
    return [json.loads(line) for line in lines], said


def test_what_does_not_go_together_is_one_line(config, make_setting):
    config.task.name = "image_classification"
    message = "task.name: got 'image_classification', allowed: auto or series_clas"
    with pytest.raises(OptionError, match=message):
        make_setting(config)
    config.task.name, config.space.name = "auto", "digits"
    message = "space.name: got 'digits', allowed: one of series, series_tiny, .* for s"
    with pytest.raises(OptionError, match=message):
        run_stages(make_setting(config), "all", COMMAND)
