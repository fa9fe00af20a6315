"""The source of whole networks: of chains and cells, and without this package."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from flax import nnx
from safetensors import safe_open
from written_models import WITHOUT_QNAS_JAX

from experiments.benches.exports import ONNX, TOLERANCE, differences, random_weights
from experiments.measuring.built_in_spaces import input_shape
from qnas_jax.export import Images, blank_network, write_model
from qnas_jax.export.source import network_source
from qnas_jax.export.weights import network_weights
from qnas_jax.nets import set_mode
from qnas_jax.spaces import SPACES, arch_to_string, hand_made, narrowed

ALONE = (
    WITHOUT_QNAS_JAX
    + """
import numpy as np

with np.load(sys.argv[2]) as arrays:
    images, expected = arrays["images"], arrays["logits"]
model = network.load()
found = np.asarray(network.logits_of(model, images))
halves = np.asarray(model(images.astype(np.float32) / 255))
names, probabilities = model.predict(images)
try:
    model(images[:, 1:])
    said = ""
except ValueError as error:
    said = str(error)
print(json.dumps({
    "difference": float(abs(found - expected).max()),
    "floats": float(abs(halves - expected).max()),
    "names": names,
    "probability": float(probabilities[0]),
    "said": said,
}))
"""
)


def images_of(shape, **rest):
    names = tuple(f"class {number}" for number in range(10))
    return Images(shape, (0.4,) * shape[2], (0.3,) * shape[2], names, data="x", **rest)


def random_arch(space, rng):
    return np.asarray([rng.integers(count) for count in space.num_ops])


def module_of(text, path):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("network", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["cifar_small", "nas_bench_macro", "proxylessnas", "spos"]
)
def test_the_source_has_a_place_for_every_weight(name, tmp_path):
    rng = np.random.default_rng(len(name))
    space = SPACES[name](input_shape(name), 10)
    arch = random_arch(space, rng)
    network = random_weights(blank_network(space, arch), rng)
    text = network_source(space, arch, images_of(space.input_shape))
    assert arch_to_string(space, arch) in text
    assert "qnas" not in text
    module = module_of(text, tmp_path / "network.py")
    made = nnx.eval_shape(lambda: module.Network(rngs=nnx.Rngs(0)))
    wanted = {
        ".".join(map(str, path)): variable.shape
        for path, variable in nnx.to_flat_state(nnx.state(made))
    }
    found = network_weights(network)
    assert wanted == {key: values.shape for key, values in found.items()}


def test_logits_of_cells_are_those_of_our_network():
    space = SPACES["cifar_small"]((8, 8, 3), 10)
    found = differences(space, 0, seed=4, onnx=False)
    assert found["largest logit"] > 0.1
    assert found["source"] < 1e-5 * max(1, found["largest logit"])


def test_one_cell_a_stage_as_onnx_gives_the_logits_of_ours():
    space = narrowed(SPACES["cifar_small"]((8, 8, 3), 10), 0.5, cells=1)
    found = differences(space, 0, seed=4)
    assert found["largest logit"] > 0.1
    for form in ("source", *ONNX):
        assert found[form] < TOLERANCE * max(1, found["largest logit"])


@pytest.mark.parametrize(("name", "onnx"), [("resnet8", True), ("densenet10", False)])
def test_logits_of_hand_made_networks_are_those_of_ours(name, onnx):
    space = narrowed(hand_made(name, (8, 8, 3), 10), 0.4)
    found = differences(space, 0, seed=4, onnx=onnx)
    assert found["largest logit"] > 0.1
    assert found["source"] < 1e-5 * max(1, found["largest logit"])
    for form in ONNX if onnx else ():
        assert found[form] < TOLERANCE * max(1, found["largest logit"])


def test_a_model_predicts_where_this_package_is_not(tmp_path):
    rng = np.random.default_rng(5)
    space = SPACES["digits_tiny"]((8, 8, 1), 10)
    arch = random_arch(space, rng)
    network = random_weights(blank_network(space, arch), rng)
    set_mode(network, "running")
    pixels = rng.integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    images = images_of((8, 8, 1))
    folder = tmp_path / "model"
    written = write_model(
        folder, space, arch, network, images, examples=pixels, calibration=None
    )
    logits = np.asarray(written.logits(pixels))
    np.savez(tmp_path / "images.npz", images=pixels, logits=logits)
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, folder, tmp_path / "images.npz"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["difference"] < 1e-5
    assert found["floats"] < 1e-4
    best = logits.argmax(axis=-1)
    assert found["names"] == [images.class_names[index] for index in best]
    softmax = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert found["probability"] == pytest.approx(softmax.max(), rel=1e-4)
    assert found["said"] == "got shape [3, 7, 8, 1], expected [N, 8, 8, 1]"
    with safe_open(folder / "weights.safetensors", "numpy") as stored:
        assert "head.2.kernel" in stored.keys()  # noqa: SIM118 - no mapping


def test_images_are_resized_where_the_network_saw_smaller_ones(tmp_path):
    rng = np.random.default_rng(6)
    space = SPACES["digits_tiny"]((8, 8, 1), 10)
    arch = random_arch(space, rng)
    network = random_weights(blank_network(space, arch), rng)
    set_mode(network, "running")
    pixels = rng.integers(0, 256, (2, 12, 12, 1)).astype(np.uint8)
    images = images_of((12, 12, 1), resized_to=(8, 8))
    written = write_model(
        tmp_path, space, arch, network, images, examples=pixels, calibration=None
    )
    assert max(written.differences.values()) < 1e-5
    from qnas_jax import data

    split = data.Split(pixels, np.arange(2, dtype=np.int32))
    small = data.resized(data.Dataset("x", split, split, split), 8).train.inputs
    values = (small.astype(np.float32) / 255 - 0.4) / 0.3
    np.testing.assert_allclose(
        np.asarray(written.logits(pixels)), np.asarray(network(values)), atol=1e-4
    )
