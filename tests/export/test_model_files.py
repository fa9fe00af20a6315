"""A model in every form: what is written, read back, refused and left out."""

import importlib.util
import shutil
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qnas_jax
from experiments.benches import exports
from experiments.benches.exports import random_weights
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import (
    Images,
    Series,
    blank_network,
    files,
    load_model,
    write_model,
    writing,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.export.serialised import to_stablehlo
from qnas_jax.export.weights import network_weights
from qnas_jax.nets import OPS, set_mode
from qnas_jax.nets.ops import BUILT_IN
from qnas_jax.runs import write_json
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
SHAPE = (8, 8, 1)
NAMES = tuple(f"digit {number}" for number in range(10))


def images_of(names=NAMES):
    return Images(SHAPE, (0.4,), (0.3,), names, data="digits")


def some_pixels(count=100):
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def a_network(space, arch):
    network = random_weights(blank_network(space, arch), np.random.default_rng(1))
    set_mode(network, "running")
    return network


def facts(folder):
    write_json(
        folder / files.FACTS, {"input_shape": list(SHAPE), "class_names": list(NAMES)}
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A subnet with attention in all forms; where it is, and what was written."""
    folder = tmp_path_factory.mktemp("run") / "model"
    space = SPACES["digits_tiny"](SHAPE, 10)
    arch = np.asarray([2, 0, 3, 2, 0])
    pixels = some_pixels()
    written = write_model(
        folder,
        space,
        arch,
        a_network(space, arch),
        images_of(),
        examples=pixels,
        calibration=pixels,
    )
    facts(folder)
    return folder, written


def test_all_forms_give_the_same_logits(model):
    folder, written = model
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - {
        files.CARD,
        files.VOCABULARY,
    }
    assert written.remarks == []
    assert written.differences.keys() == {files.SOURCE, files.STABLEHLO, files.ONNX}
    assert max(written.differences.values()) < 1e-4
    pixels = some_pixels()
    expected = np.asarray(written.logits(pixels))
    assert np.ptp(expected) > 1
    run = run_onnx((folder / files.ONNX).read_bytes())
    for count in (1, 3, 100):
        assert np.abs(run(pixels[:count]) - expected[:count]).max() < 1e-4


SERIES_SPACE = NetworkSpace(
    name="recordings",
    layers=(
        Layer(
            8, 8, 1, (op("separable", "series_separable", kernel=5, attention="se"),)
        ),
        Layer(8, 12, 2, (op("inception", "series_inception", kernel=9),)),
        Layer(12, 12, 1, (op("recurrence", "series_recurrence", backwards=True),)),
        Layer(12, 12, 1, (op("pool", "series_pool", pooling="max"),)),
        Layer(12, 16, 1, (op("average", "series_pool"),)),
        Layer(16, 16, 2, (op("skip", "series_skip"),)),
    ),
    stem=(fixed(3, 8, 1, "series_conv", kernel=7, dilation=2),),
    head=(fixed(16, 16, 1, "global_average"), fixed(16, 3, 1, "classifier")),
    input_shape=(21, 3),
    num_classes=3,
)


def some_series(count=100):
    """Two channels, some values missing."""
    rng = np.random.default_rng(3)
    series = rng.normal(3, 2, (count, 21, 2)).astype(np.float32)
    series[rng.random(series.shape) < 0.1] = np.nan
    series[1:, 18:] = np.nan
    return series


def test_a_network_for_series_with_gaps_is_the_same_in_all_forms(tmp_path):
    arch, names = np.zeros(6, int), ("low", "middle", "high")
    inputs = Series((21, 2), (3.0, 2.5), (2.0, 1.5), names, masked=True, data="waves")
    network, series = a_network(SERIES_SPACE, arch), some_series()
    written = write_model(
        tmp_path,
        SERIES_SPACE,
        arch,
        network,
        inputs,
        examples=series,
        calibration=series,
    )
    assert written.remarks == []
    assert written.differences.keys() == {files.SOURCE, files.STABLEHLO, files.ONNX}
    assert max(written.differences.values()) < 1e-4
    told = {"inputs": "series", "input_shape": [21, 2], "class_names": names}
    write_json(tmp_path / files.FACTS, with_digests(told, tmp_path))
    model = load_model(tmp_path)
    mean, std = np.float32([3.0, 2.5]), np.float32([2.0, 1.5])
    missing = np.isnan(series)
    values = np.where(missing, 0, (series - mean) / std)
    mask = ~missing.all(axis=-1, keepdims=True)
    expected = np.asarray(network(jnp.concatenate([values, mask], axis=-1)))
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(model(series), expected, atol=2e-4)
    for form, limit in ((files.ONNX, 1e-4), (files.INT8, 0.3 * np.ptp(expected))):
        run = run_onnx((tmp_path / form).read_bytes())
        for count in (1, 3, 100):
            assert np.abs(run(series[:count]) - expected[:count]).max() < limit
    with pytest.raises(UserError, match=r"series: got .*expected numbers \[N, 21, 2\]"):
        model(series[..., 0])


def test_the_bench_has_a_row_a_subnet_and_goes_on_where_it_was():
    (row,) = exports.run(["digits_tiny"], 1, 4)
    assert (row["space"], row["subnet"], row["examples"]) == ("digits_tiny", 0, 100)
    assert row["largest logit"] > 0.5
    for form in ("source", "onnx, batch 1", "onnx, batch 3", "onnx, batch 100"):
        assert 0 < row[form] < 1e-4
    assert list(exports.run(["digits_tiny"], 1, 4, [row])) == []
    (line,) = exports.result_rows([row, {**row, "subnet": 1, "onnx, batch 3": 0.25}])
    assert (line["space"], line["subnets"]) == ("digits_tiny", 2)
    assert line["ONNX"] == "2.5e-01"
    assert (line["beyond 1e-04"], line["ours from float64"]) == (0, "-")


def test_what_is_beyond_the_tolerance_is_held_against_float64(monkeypatch):
    monkeypatch.setattr(exports, "TOLERANCE", 0.0)
    (row,) = exports.run(["digits_tiny"], 1, 4)
    for form in ("ours from float64", "exported from float64"):
        assert 0 < row[form] < 1e-4
    # Apart by no more than both are from what is exact.
    both = row["ours from float64"] + row["exported from float64"]
    assert row["onnx, batch 100"] <= both * 1.01
    (line,) = exports.result_rows([row])
    assert line["ours from float64"] == f"{row['ours from float64']:.1e}"


def test_eight_bits_are_close_and_smaller(model):
    folder, written = model
    pixels = some_pixels()
    expected = np.asarray(written.logits(pixels))
    found = run_onnx((folder / files.INT8).read_bytes())(pixels)
    error = np.abs(found - expected).mean() / np.ptp(expected)
    assert 1e-5 < error < 0.05
    size = [(folder / name).stat().st_size for name in (files.INT8, files.ONNX)]
    assert size[0] < 0.8 * size[1]


def test_stablehlo_is_for_all_platforms_and_any_number(model):
    folder, written = model
    content = bytearray((folder / files.STABLEHLO).read_bytes())
    exported = jax.export.deserialize(content)
    assert exported.platforms == ("cpu", "cuda", "tpu")
    pixels = some_pixels(5)
    for count in (1, 5):
        found = np.asarray(exported.call(pixels[:count]))
        expected = np.asarray(written.logits(pixels[:count]))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_stablehlo_says_nothing_of_who_called(model):
    folder, _ = model
    content = (folder / files.STABLEHLO).read_bytes()
    for calls in range(3):  # each from another place

        def again(depth):
            if depth:
                return again(depth - 1)
            return to_stablehlo(load_logits(folder), SHAPE)

        assert again(calls) == content
    assert b".py" not in content and str(folder).encode() not in content


def test_a_model_is_loaded_from_its_folder_and_from_the_run(model):
    folder, written = model
    for path in (folder, folder.parent):
        loaded = qnas_jax.load_model(path)
        assert (loaded.input_shape, loaded.class_names) == (SHAPE, NAMES)
    pixels = some_pixels(3)
    expected = np.asarray(written.logits(pixels))
    np.testing.assert_allclose(loaded(pixels), expected, atol=1e-5)
    names, probabilities = loaded.predict(pixels)
    assert names == [NAMES[best] for best in expected.argmax(axis=-1)]
    softmax = np.exp(expected) / np.exp(expected).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, softmax.max(axis=-1), rtol=1e-4)
    assert loaded.predict(pixels[:0])[0] == []
    with pytest.raises(UserError, match=r"uint8 \[3, 7, 8, 1\], expected uint8 \[N, 8"):
        loaded(pixels[:, 1:])
    with pytest.raises(UserError, match="float64"):
        loaded(pixels / 255)
    with pytest.raises(AttributeError):
        _ = qnas_jax.load_models


def test_what_is_damaged_or_missing_is_one_line(tmp_path):
    with pytest.raises(MissingFileError, match="holds no model"):
        load_model(tmp_path)
    (tmp_path / files.FACTS).write_text("{}")
    with pytest.raises(UserError, match="model.json: not as it was written"):
        load_model(tmp_path)
    facts(tmp_path)
    with pytest.raises(MissingFileError, match="network.stablehlo"):
        load_model(tmp_path)
    (tmp_path / files.STABLEHLO).write_bytes(b"no module")
    with pytest.raises(UserError, match="network.stablehlo: cannot be read"):
        load_model(tmp_path)
    (tmp_path / files.SOURCE).write_text("def load(path):\n    return 1 / 0\n")
    with pytest.raises(MissingFileError, match="weights.safetensors: missing"):
        load_model(tmp_path)
    (tmp_path / files.WEIGHTS).write_bytes(b"none")
    with pytest.raises(UserError, match="weights.safetensors: cannot be read"):
        load_model(tmp_path)


READ = (files.SOURCE, files.WEIGHTS, files.STABLEHLO, files.ONNX, files.INT8)


def test_a_file_that_was_changed_is_named(model, tmp_path):
    """A bit of a weight makes another model, which answers just as readily."""
    for name in READ:
        shutil.copy(model[0] / name, tmp_path)
    content = {
        "inputs": "images",
        "input_shape": list(SHAPE),
        "class_names": list(NAMES),
    }
    content = with_digests(content, tmp_path)
    write_json(tmp_path / files.FACTS, content)
    load_model(tmp_path)
    rng = np.random.default_rng(0)
    for name in READ:
        whole = (tmp_path / name).read_bytes()
        bits = bytearray(whole)
        bits[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        for damaged in (bits, whole[: len(whole) // 2], b"", whole + b" "):
            (tmp_path / name).write_bytes(damaged)
            with pytest.raises(UserError, match=f"{name}: not as it was wri") as caught:
                load_model(tmp_path)
            assert "\n" not in str(caught.value) and "put it back, or" in str(
                caught.value
            )
        (tmp_path / name).write_bytes(whole)
    (tmp_path / files.ONNX).unlink()  # whoever deploys takes what is needed
    load_model(tmp_path)
    content["class_names"][3] = "eight"
    write_json(tmp_path / files.FACTS, content)
    with pytest.raises(UserError, match="model.json: not as it was written; put it ba"):
        load_model(tmp_path)


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
