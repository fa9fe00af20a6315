"""What is not finite is an error in words, and names the op if it is an op's fault."""

import math
from types import SimpleNamespace

import jax.numpy as jnp
import pytest
from flax import nnx

from qnas_jax.jobs.nas import resumable_training, retrain
from qnas_jax.nets import OPS
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.training import NonFiniteLossError

SOUND = SimpleNamespace(non_finite_ops=lambda: "")
UNSOUND = SimpleNamespace(non_finite_ops=lambda: "op 'log' of layer 3 gives NaN")


def test_a_test_split_without_finite_outputs_has_no_accuracy():
    metrics = {"accuracy": 0.0, "loss": math.nan}
    with pytest.raises(retrain.NonFiniteMetricError) as caught:
        retrain._check_finite(SOUND, "winner", "test", metrics)
    assert str(caught.value) == (
        "retrain winner: loss is not finite on the test split, so it is not reported; "
        "its outputs for some of the images are no finite numbers"
    )
    with pytest.raises(retrain.NonFiniteMetricError, match="; op 'log' of layer 3 giv"):
        retrain._check_finite(UNSOUND, "winner", "test", metrics)
    with pytest.raises(retrain.NonFiniteMetricError, match="no epoch has metrics that"):
        retrain._check_finite(SOUND, "winner", "validation", {"best": -math.inf})
    retrain._check_finite(UNSOUND, "winner", "test", {"accuracy": 0.0, "loss": 9.0})


def test_a_diverged_training_names_its_options_or_an_op():
    assert resumable_training._remedy(SOUND, "retrain/winner") == (
        "try a smaller retrain.learning_rate, retrain.warmup_epochs above 0, or "
        "retrain.clip_norm above 0"
    )
    assert resumable_training._remedy(UNSOUND, "supernet") == (
        "op 'log' of layer 3 gives NaN, whatever the weights"
    )
    error = NonFiniteLossError("supernet: nan", "stop")
    assert (str(error), error.what) == ("supernet: nan; stop", "supernet: nan")


def test_a_run_finds_the_op(tiny_config, make_setting, monkeypatch):
    class Bad(nnx.Module):
        def __init__(self, in_features, out_features, stride, *, rngs):
            pass

        def __call__(self, images):
            return jnp.log(images - 100.0)

    monkeypatch.setitem(OPS, "bad", Bad)
    setting = make_setting(tiny_config)
    ops = (op("skip", "skip"), op("bad", "bad"))
    head = (fixed(1, 1, 1, "global_average"), fixed(1, 10, 1, "classifier"))
    setting.space = NetworkSpace(
        name="mine",
        layers=(Layer(1, 1, 1, ops),),
        stem=(),
        head=head,
        input_shape=(8, 8, 1),
        num_classes=10,
    )
    said = "op 'bad' of layer 0 gives values that are not finite"
    assert setting.non_finite_ops() == said
