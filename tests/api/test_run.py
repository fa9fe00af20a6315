"""`qnas_jax.run`: whole jobs from Python, on arrays and spaces that are at hand."""

import numpy as np
import pytest

import qnas_jax as qnas
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.spaces import SPACES


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    monkeypatch.setattr("qnas_jax.spaces.registry.SPACES", dict(SPACES))


def own_space(name="mine"):
    small = qnas.op("k3", "mbconv", kernel=3, expansion=2)
    return qnas.NetworkSpace(
        name=name,
        stem=(qnas.fixed(1, 8, 2, "conv", kernel=3),),
        layers=(qnas.Layer(8, 8, 1, (small, qnas.op("skip", "skip"))),),
        head=(
            qnas.fixed(8, 8, 1, "global_average"),
            qnas.fixed(8, 2, 1, "classifier"),
        ),
        input_shape=(8, 8, 1),
        num_classes=2,
    )


def own_data():
    """Bright and dark squares."""
    rng = np.random.default_rng(0)
    labels = np.arange(160) % 2
    images = rng.integers(0, 100, (160, 8, 8)) + 150 * labels[:, None, None]
    return images.astype(np.uint8), labels


OPTIONS = {
    "data.valid_fraction": 0.25,
    "data.test_fraction": 0.25,
    "supernet.epochs": 2,
    "supernet.batch_size": 16,
    "search.generations": 2,
    "search.population": 2,
    "search.strategy": "random",
    "scoring.score_chunk": 20,
    "scoring.calibration_examples": 16,
    "constraints.max_params": 0,
    "retrain.epochs": 4,
    "retrain.batch_size": 16,
    "retrain.random_picks": 0,
    "export.onnx": False,
}


@pytest.mark.slow
def test_own_data_and_own_space_up_to_a_model(tmp_path, capsys):
    images, labels = own_data()
    given = {"workdir": tmp_path, "data": (images, labels), "space": own_space()}
    done = qnas.run("digits", OPTIONS, progress=False, **given)
    assert capsys.readouterr() == ("", "")
    assert not done.stopped and done.best["space"] == "mine"
    assert done.result["test_accuracy"] == 1.0 and done.report.is_file()
    assert {len(row["arch"]) for row in done.history} == {1}
    names, _ = done.model.predict(images[:4, :, :, None])
    assert names == ["0", "1", "0", "1"]
    again = qnas.run("digits", OPTIONS, **given)
    assert "supernet: finished before, kept" in capsys.readouterr().err
    assert again.best == done.best == qnas.Run(tmp_path).best
    with pytest.raises(UserError, match="other data"):
        qnas.run("digits", OPTIONS, **{**given, "data": (images[::-1], labels)})


def test_overrides_by_dotted_names():
    config = qnas.make_config("digits", {"qudit.angle": 0.2, "seed": 3})
    assert (config.qudit.angle, config.seed) == (0.2, 3)
    changed = qnas.make_config(config, {"search.objectives": ("accuracy", "macs")})
    assert changed.search.objectives == ("accuracy", "macs")
    assert config.search.objectives == () and changed.qudit.angle == 0.2
    assert qnas.make_config().search == qnas.make_config("default").search


@pytest.mark.parametrize(
    ("config", "overrides", "message"),
    [
        (
            "digit",
            {},
            "got digit, expected a Python file .*did you mean digits",
        ),
        ("no/file.py", {}, "got no/file.py, expected a Python file"),
        ("digits", {"serch.population": 3}, "serch.population: got 3, allowed: one of"),
        ("digits", {"search.popluation": 3}, "search.popluation: got 3, .* population"),
        ("digits", {"search": 3}, "search: got 3 for a group, expected a field"),
        ("digits", {"seed.x": 3}, "seed.x: got 3"),
    ],
)
def test_wrong_configurations_are_one_line(config, overrides, message):
    with pytest.raises(UserError, match=message):
        qnas.make_config(config, overrides)


def test_wrong_values_and_stages_are_one_line(tmp_path):
    def run(overrides=None, **more):
        qnas.run("digits", overrides, workdir=tmp_path / "new", **more)

    with pytest.raises(UserError, match="search.population: got 0, allowed: int >= 1"):
        run({"search.population": 0})
    with pytest.raises(UserError, match="stage: got 'serch', expected one of all"):
        run(stage="serch")
    with pytest.raises(UserError, match="space: got str, expected a SearchSpace"):
        run(space="digits")
    with pytest.raises(UserError, match="'digits': a built-in space"):
        run(space=own_space("digits"))
    with pytest.raises(UserError, match="data: got int 3, expected arrays by name"):
        run(data=3)
    with pytest.raises(UserError, match="data: got x_train of objects"):
        run(data=([[1], [1, 2]], [0, 1]))
    with pytest.raises(MissingFileError, match="run has not come that far"):
        _ = qnas.Run(tmp_path).result


def test_a_file_of_your_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from qnas_jax.jobs import named_config\n"
        "def get_config():\n"
        "    config = named_config('digits')\n"
        "    config.seed = 7\n"
        "    return config\n"
    )
    assert qnas.make_config(file).seed == 7
    file.write_text("x = 1\n")
    with pytest.raises(UserError, match="got no get_config, expected a function"):
        qnas.make_config(str(file))
