"""What is not finite is an error in words, and names the op if it is an op's fault."""

import math
from types import SimpleNamespace

import pytest

from qnas_jax.jobs.nas import resumable_training, retrain
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


def test_a_run_finds_the_op(tiny_config, make_setting, tmp_path, space_file):
    text = space_file.read_text().replace("from qnas", OWN_OP + "from qnas", 1)
    path = tmp_path / "space.py"
    path.write_text(text.replace('op("skip", "skip")', 'op("bad", "bad")'))
    tiny_config.space.file = str(path)
    setting = make_setting(tiny_config)
    said = "op 'bad' of layer 1 gives values that are not finite"
    assert setting.non_finite_ops() == said


OWN_OP = """
import jax.numpy as jnp
from flax import nnx
from qnas_jax.nets import register_op
class Bad(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        pass
    def __call__(self, images):
        return jnp.log(images - 100.0)
register_op("bad", Bad)
"""
