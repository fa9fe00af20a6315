"""Which epoch a retrained network is of: validation says, the test split has no say."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import on_device
from qnas_jax.jobs.nas import retrain, retraining_programs
from qnas_jax.options import OptionError
from qnas_jax.runs import start_of
from qnas_jax.training import EpochReport, RetrainState

VALIDATION = {1: 0.2, 2: 0.8, 3: 0.5}
LOSSES = {1: 0.9, 2: 0.7, 3: 0.6}
TEST = {1: 0.9, 2: 0.1, 3: 0.95}


def state_of(epoch):
    """A state whose averaged weights are the number of the epoch."""
    weights = ({"w": jnp.float32(epoch)}, {})
    return RetrainState(
        params=weights[0],
        stats=weights[1],
        moments=(),
        average=weights,
        best=({"w": jnp.float32(0)}, {}),
        best_score=jnp.float32(-np.inf),
        totals=(),
        step=jnp.int32(0),
    )


class Network:
    """Measures as the tables above say, and remembers which split was asked for."""

    def __init__(self, setting):
        self.splits = {
            "validation": setting.valid[0],
            "test": on_device(setting.dataset.test)[0],
        }
        self.asked = []

    def __call__(self, weights, inputs, targets):
        (split,) = [
            name
            for name, images in self.splits.items()
            if np.array_equal(inputs, images)
        ]
        self.asked.append(split)
        accuracy = {"validation": VALIDATION, "test": TEST}[split]
        epoch = int(weights[0]["w"])
        return {"accuracy": accuracy[epoch], "loss": LOSSES[epoch]}


@pytest.fixture
def network(tiny_config, make_setting, monkeypatch):
    """The stage without training: three epochs, given by their numbers."""
    setting = make_setting(tiny_config)
    network = Network(setting)

    def epochs(_setting, _checkpoints, begun, _step_at, on_epoch, _failing, **_):
        state = begun.state
        for epoch in VALIDATION:
            later = state_of(epoch)
            state = on_epoch(
                later.replace(best=state.best, best_score=state.best_score),
                EpochReport(epoch, epoch, 1.0, {}, 0.0),
            )
        return state

    monkeypatch.setattr(setting.supernet, "init", lambda _: ({}, {}))
    monkeypatch.setattr(setting.supernet, "cut", lambda *_: None)
    for name, stand_in in {
        "initial_retrain_state": lambda *_: state_of(0),
        "make_retrain_step": lambda *_: None,
        "_measurer": lambda *_: network,
        "StandaloneModel": lambda cut: cut,
    }.items():
        monkeypatch.setattr(retraining_programs, name, stand_in)
    monkeypatch.setattr(retrain, "train_to_the_end", epochs)
    network.setting = setting
    return network


def test_validation_chooses_the_epoch_and_the_test_split_is_read_once(network):
    setting = network.setting
    arch = setting.costs.largest()
    result = retrain._retrain(
        setting,
        retrain.Candidate("winner", arch, 0.5, setting.supernet),
        start_of(["retrain"]),
    )
    assert network.asked == ["validation"] * 3 + ["test"]
    assert result["validation_accuracy"] == pytest.approx(0.8)
    assert result["test_accuracy"] == pytest.approx(0.1)  # of epoch 2, not the best


def test_the_loss_may_choose_the_epoch(network):
    setting = network.setting
    setting.config = dataclasses.replace(
        setting.config,
        retrain=dataclasses.replace(setting.config.retrain, kept_by="loss"),
    )
    result = retrain._retrain(
        setting,
        retrain.Candidate("winner", setting.costs.largest(), 0.5, setting.supernet),
        start_of(["retrain"]),
    )
    assert result["validation_accuracy"] == VALIDATION[3]
    assert result["test_accuracy"] == TEST[3]
    assert network.asked.count("test") == 1


def test_an_unknown_metric_is_refused(tiny_config, make_setting):
    tiny_config.retrain.kept_by = "f1"
    with pytest.raises(
        OptionError, match="kept_by: got 'f1', allowed: one of accuracy,"
    ):
        retrain.check_retraining(make_setting(tiny_config))
