"""What is not finite is an error in words, and names the op if it is an op's fault."""

import dataclasses
import math
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from qnas_jax.jobs.nas import resumable_training, retrain, supernet
from qnas_jax.nets import OPS
from qnas_jax.runs import start_of
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.training import NonFiniteLossError, Trouble, guard

SOUND = SimpleNamespace(non_finite_ops=lambda: "")
UNSOUND = SimpleNamespace(non_finite_ops=lambda: "op 'log' of layer 3 gives NaN")


def test_a_test_split_without_finite_outputs_has_no_accuracy():
    metrics = {"accuracy": 0.0, "loss": math.nan}
    with pytest.raises(retrain.NonFiniteMetricError) as caught:
        retrain._check_finite(SOUND, "winner", "test", metrics)
    assert str(caught.value) == (
        "retrain winner: loss is not finite on the test split, so it is not reported; "
        "its outputs for some examples are no finite numbers"
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


@pytest.mark.slow
def test_a_training_that_diverges_names_step_architecture_and_layer(
    tiny_config, make_setting, monkeypatch
):
    monkeypatch.setattr(guard, "MOST_LOWERED", 1)
    tiny_config.supernet.update(learning_rate=1e30, epochs=1)
    setting = make_setting(tiny_config)
    said = []
    setting.say = said.append
    with pytest.raises(NonFiniteLossError) as caught:
        supernet.train_supernet(setting)
    assert re.fullmatch(
        r"supernet: step 2 \(epoch 1\) and those after it give no finite numbers, also "
        r"at 0.1 times the learning rate; architecture mb\d\|\w+: what comes out of "
        r"[\w ]+ is not finite; try a smaller supernet.learning_rate, .* above 0",
        str(caught.value),
    )
    assert "supernet: step 2 gives no finite numbers and is left out (1 so far)" in said


@dataclasses.dataclass
class Step:
    step: jax.Array


jax.tree_util.register_dataclass(Step, ["step"], [])


@pytest.mark.parametrize("trouble", [None, Trouble(3, 1)])
def test_trouble_is_known_after_a_stop(tiny_config, make_setting, trouble):
    """Checkpoints of before there was a guard hold the position alone."""
    setting = make_setting(tiny_config)
    position = start_of(["supernet"])
    note = {"rows": position, "trouble": list(trouble)} if trouble else position
    checkpoints = setting.checkpoints("supernet", stage="supernet")
    begun = resumable_training.resume(
        setting, checkpoints, Step(jnp.int32(0)), position
    )
    assert (int(begun.state.step), begun.trouble) == (0, Trouble())
    checkpoints.save(Step(jnp.int32(7)), note)
    begun = resumable_training.resume(
        setting, checkpoints, Step(jnp.int32(0)), position
    )
    checkpoints.close()
    assert (int(begun.state.step), begun.trouble) == (7, trouble or Trouble())
