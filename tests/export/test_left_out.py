"""A user's op is written out; a form that cannot be, or is wrong, is left out."""

import importlib.util
import textwrap

import numpy as np
import pytest
from written_models import SHAPE, a_network, facts, images_of, some_pixels

from qnas_jax.export import (
    files,
    load_model,
    write_model,
    writing,
)
from qnas_jax.export.weights import network_weights
from qnas_jax.nets import OPS
from qnas_jax.nets.ops import BUILT_IN
from qnas_jax.spaces import SPACES, Layer, NetworkSpace, fixed, op
from qnas_jax.user_code.files import load_file

USERS = """
import jax
from flax import nnx

from qnas_jax.nets import register_op
from qnas_jax.nets.layers import batch_norm

SLOPE = 0.1


class Leaky(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.dense = nnx.Linear(in_features, out_features, rngs=rngs)
        self.norm = nnx.BatchNorm(out_features, rngs=rngs)

    def __call__(self, images):
        return self.norm(jax.nn.leaky_relu(self.dense(images), SLOPE))


class Normed(nnx.Module):
    def __init__(self, in_features, out_features, stride, *, rngs):
        self.norm = batch_norm(in_features, rngs)

    def __call__(self, images):
        return self.norm(images)


register_op("leaky", Leaky)
register_op("normed", Normed)
"""


@pytest.fixture
def users(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(USERS))
    load_file(str(path))
    yield
    for kind in set(OPS) - BUILT_IN:
        del OPS[kind]


def users_space(kind):
    layers = (Layer(4, 4, 1, (op("mine", kind), op("skip", "skip"))),)
    return NetworkSpace(
        name="mine",
        layers=layers,
        stem=(fixed(1, 4, 1, "conv"),),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 10, 1, "classifier")),
        input_shape=SHAPE,
        num_classes=10,
    )


def write_users(folder, kind):
    space, arch = users_space(kind), np.asarray([0])
    pixels = some_pixels(4)
    network = a_network(space, arch)
    written = write_model(
        folder, space, arch, network, images_of(), examples=pixels, calibration=None
    )
    values = (pixels.astype(np.float32) / 255 - 0.4) / 0.3
    expected = np.asarray(network(values))
    np.testing.assert_allclose(np.asarray(written.logits(pixels)), expected, atol=1e-4)
    facts(folder)
    np.testing.assert_allclose(load_model(folder)(pixels), expected, atol=1e-4)
    return written


def test_a_users_op_is_written_out(users, tmp_path):
    written = write_users(tmp_path, "leaky")
    assert written.remarks == []
    text = (tmp_path / files.SOURCE).read_text()
    assert "SLOPE = 0.1" in text and "Leaky(4, 4, 1, rngs=rngs),  # 0: mine" in text
    assert "register_op" not in text and "Normed" not in text


def test_an_op_that_needs_this_package_leaves_the_source_out(users, tmp_path):
    written = write_users(tmp_path, "normed")
    (remark,) = written.remarks
    assert "network.py is left out: op 'mine', class Normed" in remark
    assert "`from qnas_jax.nets.layers import batch_norm`" in remark
    assert not (tmp_path / files.SOURCE).exists()
    assert written.differences.keys() == {files.STABLEHLO}


def test_without_the_extra_the_rest_is_written(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "jax2onnx" else found(name),
    )
    space = SPACES["digits_tiny"](SHAPE, 10)
    arch = np.asarray([0, 0, 3, 0, 3])
    pixels = some_pixels(4)
    written = write_model(
        tmp_path,
        space,
        arch,
        a_network(space, arch),
        images_of(),
        examples=pixels,
        calibration=pixels,
    )
    (remark,) = written.remarks
    assert remark == (
        'network.onnx is left out: jax2onnx not installed; pip install "qnas_jax'
        '[export]", then --stage=export'
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        files.SOURCE,
        files.WEIGHTS,
        files.STABLEHLO,
    }


def test_a_form_with_other_logits_is_left_out(tmp_path, monkeypatch):
    def half(network):
        found = network_weights(network)
        return {**found, "head.2.bias": found["head.2.bias"] + 0.5}

    monkeypatch.setattr(writing, "network_weights", half)
    space = SPACES["digits_tiny"](SHAPE, 10)
    arch = np.asarray([0, 0, 3, 0, 3])
    pixels = some_pixels(4)
    network = a_network(space, arch)
    written = write_model(
        tmp_path, space, arch, network, images_of(), examples=pixels, calibration=None
    )
    (remark,) = written.remarks
    assert remark.startswith("network.py is left out: its logits differ by 0.5")
    assert not (tmp_path / files.SOURCE).exists()
    assert written.differences[files.STABLEHLO] < 1e-4
