"""Fine-tuning for 8 bits as a part of the export stage."""

import importlib.util

import numpy as np
import pytest

from qnas_jax.export import load_model
from qnas_jax.jobs import run_stages
from qnas_jax.reporting.one_core import FORMS, one_core_sentence
from qnas_jax.runs import read_json

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="needs the extra export"
)
COMMAND = ["python", "main.py"]


def test_where_8_bits_lose_too_much_the_better_weights_are_kept(
    finished, tiny_config, make_setting, quick
):
    from qnas_jax.export.onnx_files import run_onnx

    path = finished.folder.path / "model"
    tiny_config.export.update(onnx=True, tuned_above=100.0, max_ms=50.0)
    said = run_stages(make_setting(tiny_config), "export", COMMAND)
    facts = read_json(path / "model.json")
    assert facts["int8_tuning"] is None and "int8_accuracy" in facts
    card = (path / "README.md").read_text()
    assert "Fine-tuned" not in card
    # Both forms are timed on one core too, and that is said beside what is allowed.
    assert set(FORMS.values()) < facts["latency_ms"].keys()
    assert facts["limit_ms"] == 50.0 and one_core_sentence(facts) in card
    assert one_core_sentence(facts) in said
    before = {each: (path / each).read_bytes() for each in facts["bytes"]}

    tiny_config.export.update(tuned_above=-101.0, tuning_steps=5, tuning_batch=16)
    tiny_config.export.tuning_rate = 1e-3
    setting = make_setting(tiny_config)
    run_stages(setting, "export", COMMAND)
    facts = read_json(path / "model.json")
    tuning = facts["int8_tuning"]
    assert tuning["steps"] == 5 and tuning["kept"] == (
        tuning["after"] > tuning["before"]
    )
    valid = setting.dataset.valid
    found = run_onnx((path / "network_int8.onnx").read_bytes())(valid.inputs)
    right = float(np.mean(found.argmax(axis=-1) == valid.targets))
    assert right == max(tuning["before"], tuning["after"])
    # The 8-bit form that is left, tuned or not, against the float one, by hand.
    test = setting.dataset.test.inputs[:100]
    small = run_onnx((path / "network_int8.onnx").read_bytes())(test)
    full = np.asarray(load_model(path.parent)(test))
    same = np.mean([a.argmax() == b.argmax() for a, b in zip(small, full, strict=True)])
    expected = {"same_class": same, "difference": np.abs(small - full).max()}
    assert facts["int8_agreement"] == pytest.approx(expected, rel=1e-3)
    assert expected["difference"] > max(facts["differences"].values())
    assert "Fine-tuned for 8 bits" in (path / "README.md").read_text()
    # No other form has other weights.
    for name in ("weights.safetensors", "network.py"):
        assert (path / name).read_bytes() == before[name]
