"""The BQNAS recipes: a few steps of each stage on real images, on a short network."""

import importlib
import json

import pytest

from qnas_jax.data import tfds_source
from qnas_jax.jobs import run_stages
from qnas_jax.training import PoolOptions, pool_is_due

# The first layer of the full space, so that compilation takes seconds, not minutes.
SHORT_SPACE = """
import dataclasses

from qnas_jax.spaces import register_space
from qnas_jax.spaces.mobile import conv_head, proxylessnas


def build(input_shape, num_classes):
    full = proxylessnas(input_shape, num_classes)
    layers = tuple(
        dataclasses.replace(layer, ops=layer.ops[5:7]) for layer in full.layers[:1]
    )
    head = conv_head(layers[-1].out_features, 32, num_classes)
    return dataclasses.replace(full, name="short", layers=layers, head=head)


register_space("short", build)
"""


@pytest.fixture
def every_fiftieth(monkeypatch):
    """Decoding all images takes a while, and 96 are used."""
    read = tfds_source._read_examples
    monkeypatch.setattr(tfds_source, "_read_examples", lambda *of: read(*of)[::50])


@pytest.mark.slow
def test_the_cifar10_recipe_runs(data_dir, tmp_path, make_setting, every_fiftieth):
    config = importlib.import_module("configs.cifar10_bqnas").get_config()
    (tmp_path / "space.py").write_text(SHORT_SPACE)
    config.space.update(name="short", file=str(tmp_path / "space.py"))
    config.data.update(data_dir=str(data_dir), cache_dir=str(tmp_path / "cache"))
    config.data.update(max_train=32, max_valid=32, max_test=32)
    config.supernet.update(epochs=2, batch_size=16, pool_start=1)
    config.supernet.pool_every = 1
    config.search.update(generations=2)
    config.scoring.update(calibration_examples=16, score_chunk=16)
    config.retrain.update(epochs=1, batch_size=16, compare=False, random_picks=0)
    config.export.tuning_steps = 2
    setting = make_setting(config)
    run_stages(setting, "all", ["python", "main.py"])
    result = json.loads((setting.folder.path / "result.json").read_text())
    assert result["space"] == "short"
    assert 0 <= result["test_accuracy"] <= 1


@pytest.mark.parametrize(
    ("name", "classes"), [("cifar10_bqnas", 10), ("cifar100_bqnas", 100)]
)
def test_the_recipes_are_those_of_the_public_code(
    name, classes, tmp_path, monkeypatch, make_setting
):
    monkeypatch.delenv("QNAS_DATA_DIR", raising=False)
    setting = make_setting(importlib.import_module(f"configs.{name}").get_config())
    config = setting.config
    assert (config.supernet.epochs, config.retrain.epochs) == (800, 800)
    assert (config.supernet.learning_rate, config.retrain.learning_rate) == (
        0.0045,
        0.045,
    )
    pool = config.supernet.part(PoolOptions)
    assert (config.supernet.sampler, pool.pool_share, pool.pool_size) == (
        "fair",
        0.5,
        5,
    )
    epochs = [epoch for epoch in range(1, 800) if pool_is_due(pool, epoch)]
    assert epochs == list(range(50, 800, 50))
    for stage in (config.supernet, config.retrain):
        assert (stage.weight_decay, stage.momentum) == (4e-4, 0.9)
        assert stage.batch_size == 128
    assert config.supernet_task == config.retrain_task
    assert config.retrain_task.cutout == 16
    assert (config.search.generations, config.search.population) == (500, 20)
    file = tmp_path / "archs.json"
    file.write_text(json.dumps([[0] * 21]))
    setting.archs = str(file)
    (line,) = run_stages(setting, "describe", ["python", "main.py"])
    head = json.loads(line)["layers"][-1]
    assert head["out_features"] == classes
    assert not list(setting.folder.path.iterdir())  # an answer leaves nothing
