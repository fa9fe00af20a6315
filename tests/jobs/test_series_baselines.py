"""Hand-made networks and classifiers of series beside the winner of a job."""

import json

import numpy as np
import pytest

from experiments.comparisons.series.study import latencies
from qnas_jax.baselines import CLASSIFIERS
from qnas_jax.errors import UserError
from qnas_jax.jobs import default_config, run_stages
from qnas_jax.jobs.nas import classifiers
from qnas_jax.stopping import Stopped
from tests.jobs.conftest import make_setting_in

COMMAND = ["python", "main.py"]


@pytest.fixture(scope="module")
def series_config(tmp_path_factory):
    """A search without training on sines of two frequencies, some of them shorter."""
    rng = np.random.default_rng(0)
    labels = np.arange(72) % 2
    steps = np.arange(24)[None] * (0.4 + 0.5 * labels[:, None])
    series = np.sin(steps + 6 * rng.random((72, 1))).astype(np.float32)
    series[::5, 20:] = np.nan
    path = tmp_path_factory.mktemp("series") / "sines.npz"
    arrays = {"x_train": series[:48], "y_train": labels[:48]}
    np.savez(path, **arrays, x_test=series[48:], y_test=labels[48:])
    config = default_config()
    config.data.update(source="series", path=str(path), valid_fraction=0.25)
    config.space.name = "series_tiny"
    config.evaluator.name = "proxy"
    config.proxy.names = ("params",)
    config.search.update(strategy="random", population=2, generations=1)
    config.retrain.update(epochs=2, batch_size=16, random_picks=0, compare=False)
    config.retrain.baselines = ("fcn", *CLASSIFIERS)
    config.constraints.max_params = 3000
    config.export.update(onnx=False, latency_seconds=0.01)
    return config


@pytest.fixture(scope="module")
def finished_series(series_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run_stages(make_setting_in(folder, series_config), "all", COMMAND)
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text())


@pytest.mark.slow
def test_all_of_them_stand_in_the_report(finished_series):
    result = read(finished_series, "result.json")
    assert list(result["baselines"]) == ["fcn"]
    fcn = result["baselines"]["fcn"]
    assert 0 < fcn["width"] < 1 and fcn["parameters"] <= 3000
    assert set(result["classifiers"]) == set(CLASSIFIERS)
    for name, found in result["classifiers"].items():
        assert found.keys() == {
            *("test_accuracy", "test_balanced_accuracy", "test_macro_f1"),
            *("test_confusion", "intervals", "alone_right"),
        }, name
        ahead = found["alone_right"]["winner"] - found["alone_right"]["other"]
        gain = 24 * (result["test_accuracy"] - found["test_accuracy"])
        assert ahead == round(gain), name
        assert found["test_accuracy"] > 0.8, name
    assert np.sum(fcn["test_confusion"]) == 24
    low, high = fcn["intervals"]["test_loss"]
    assert low < fcn["test_loss"] < high
    page = (finished_series / "report.html").read_text()
    for words in ("FCN", "nearest neighbour (DTW)", "ROCKET classifier", "Macro F1"):
        assert words in page
    assert "dtw_1nn" not in read(finished_series, "retrain/networks.json")


@pytest.mark.slow
def test_latency_of_all_its_networks(finished_series, series_config):
    found = latencies(series_config, finished_series)
    assert list(found) == ["winner", "fcn"] and min(found.values()) > 0


@pytest.mark.slow
def test_a_classifier_sees_all_labels_but_those_of_the_test(
    finished_series, series_config, monkeypatch
):
    setting = make_setting_in(finished_series, series_config)
    seen = []

    def fit(series, labels, rng):
        seen.append((series, labels))
        return lambda others: seen.append(others) or np.zeros(len(others), int)

    spy = classifiers.CLASSIFIERS["rocket"].__class__(fit, at_once=10)
    monkeypatch.setitem(classifiers.CLASSIFIERS, "rocket", spy)
    found = classifiers._tested(setting, "rocket")
    (series, labels), *others = seen
    assert len(series) == len(labels) == 48
    assert [len(each) for each in others] == [10, 10, 4]
    np.testing.assert_allclose(np.nanmean(series[:36]), 0, atol=1e-5)
    assert series.shape[1:] == (24, 1)  # the mask that networks get is not one of them
    assert np.isnan(series).any() and np.isnan(np.concatenate(others)).any()
    assert found["test_accuracy"] == 0.5


@pytest.mark.slow
def test_a_finished_one_is_not_fitted_again(
    finished_series, series_config, monkeypatch
):
    before = read(finished_series, "retrain/classifiers.json")
    setting = make_setting_in(finished_series, series_config)
    monkeypatch.setattr(classifiers, "_tested", None)
    classifiers.compare_classifiers(setting)
    assert read(finished_series, "retrain/classifiers.json") == before
    (finished_series / "retrain" / "rocket" / "result.json").unlink()
    monkeypatch.undo()
    stopped = make_setting_in(finished_series, series_config, stop_after=1)
    with pytest.raises(Stopped):
        classifiers.compare_classifiers(stopped)
    classifiers.compare_classifiers(setting)
    assert read(finished_series, "retrain/classifiers.json") == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet20", "'resnet20', expected of series one of fcn, resnet, inception_"),
        ("dtw", "'dtw', expected of series one of .*, euclidean_1nn, dtw_1nn, rocket"),
    ],
)
def test_names_of_other_data_are_refused(series_config, tmp_path, name, words):
    config = series_config.copy_and_resolve_references()
    config.retrain.baselines = (name,)
    with pytest.raises(UserError, match=f"retrain.baselines: got {words}"):
        run_stages(make_setting_in(tmp_path, config), "all", COMMAND)


def test_classifiers_of_series_are_none_of_images(tiny_config, make_setting):
    tiny_config.retrain.baselines = ("rocket",)
    with pytest.raises(UserError, match=r"retrain.baselines: got 'rocket', expected o"):
        run_stages(make_setting(tiny_config), "all", COMMAND)
