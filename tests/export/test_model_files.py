"""A model in every form: what is written, read back and refused."""

import shutil

import jax
import numpy as np
import pytest
from written_models import NAMES, SHAPE, a_network, facts, images_of, some_pixels

import qnas_jax
from experiments.benches import exports
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import (
    files,
    load_model,
    write_model,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.export.serialised import to_stablehlo
from qnas_jax.runs import write_json
from qnas_jax.spaces import SPACES


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
