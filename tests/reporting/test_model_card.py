"""The card of a model, against what it should say."""

import copy

from qnas_jax.reporting.model_card import model_card
from qnas_jax.reporting.one_core import FORMS, one_core_sentence

FACTS = {
    "space": "small",
    "data": "leaves",
    "network": "winner",
    "string": "a|b",
    "parameters": 12345,
    "macs": 6789,
    "input_shape": [8, 9, 3],
    "class_names": ["oak", "ash"],
    "inputs": "images",
    "test_examples": 200,
    "accuracy": 0.9,
    "accuracy_interval": [0.85, 0.94],
    "int8_accuracy": 0.885,
    "int8_accuracy_interval": [0.83, 0.92],
    "calibration_examples": 64,
    "differences": {"network.py": 1.25e-6, "network.onnx": 2.5e-6},
    "compared_examples": 100,
    "bytes": {"network.py": 1111, "network.onnx": 2222, "network_int8.onnx": 999},
    "latency_ms": {
        "JAX float32": {
            "median_ms": 1.5,
            "tenth_ms": 1.25,
            "spread_ms": 0.125,
            "passes": 1234,
        }
    },
    "predicted_ms": {"ms": 1.625, "table": "phone.csv"},
    "layers": [
        {
            "role": "layer",
            "layer": 0,
            "op": "a",
            "in_features": 3,
            "out_features": 4,
            "stride": 2,
            "resolution": 8,
            "params": 100,
            "macs": 1000,
        }
    ],
    "remarks": ["network.stablehlo is left out: no reason"],
    "seed": 3,
    "strategy": "random",
    "training": {"epochs": 5, "batch_size": 16},
    "python": "3.11",
    "versions": {"jax": "1.2"},
    "host": {
        "platform": "Linux",
        "processor": "Abacus",
        "cpu_count": 2,
        "devices": ["cpu"],
    },
}


def lines_of(**changed):
    facts = copy.deepcopy(FACTS)
    facts.update(changed)
    return model_card(facts).replace("\u00a0", " ").splitlines()


def test_every_figure_is_there():
    lines = lines_of()
    assert lines[0] == "# A network of `small` for `leaves`"
    assert "| float32 | 90.00 % | 85.00 % to 94.00 % |" in lines
    assert "| int8 | 88.50 % | 83.00 % to 92.00 % |" in lines
    assert any("**Eight bits cost 1.50 percentage points**" in line for line in lines)
    assert "| network.onnx | 2,222 | 2.5e-06 |" in lines
    assert "| network_int8.onnx | 999 |  |" in lines
    assert "| JAX float32 | 1.500 | ± 0.125 | 1,234 |" in lines
    assert "`phone.csv`, which the search kept to, says 1.625 ms." in lines
    assert "| layer 0 | a | 3 to 4 | 2 | 8 | 100 | 1,000 |" in lines
    assert any(line.startswith("One at a time on Abacus, 2 cores;") for line in lines)
    assert "network.stablehlo is left out: no reason" in lines
    text = "\n".join(lines)
    assert "seed 3; trained with epochs 5, batch_size 16." in text
    assert "Retrained from scratch as `winner`." in text
    assert "import onnxruntime" in text and "import network" in text


LOSSES = {
    "loss": 1.5,
    "loss_interval": [1.4, 1.6],
    "perplexity": 4.4817,
    "perplexity_interval": [4.0552, 4.953],
    "bits_per_character": 2.164,
    "bits_per_character_interval": [2.02, 2.308],
}


def test_a_language_model_is_judged_by_the_loss_of_a_token():
    facts = {name: each for name, each in FACTS.items() if "accuracy" not in name}
    small = {f"int8_{name}": each for name, each in LOSSES.items()} | {"int8_loss": 1.6}
    facts |= {"inputs": "language", "input_shape": [64], "class_names": []}
    lines = model_card(facts | LOSSES | small).splitlines()
    row = "(1.400 to 1.600) | 4.482 (4.055 to 4.953) | 2.164 (2.020 to 2.308) |"
    assert f"| float32 | 1.500 {row}" in lines
    assert f"| int8 | 1.600 {row}" in lines
    assert "| model | loss, nats | perplexity | bits a character |" in lines
    text = "\n".join(lines)
    assert "**Eight bits cost 0.100 nats a token**" in text
    assert "multiply-accumulates a window of 64 tokens." in text
    assert "Batch normalisation" not in text and "ccuracy" not in text
    words = {name: each for name, each in LOSSES.items() if "bits" not in name}
    lines = model_card(facts | words | {"int8_tuning": None}).splitlines()
    assert "| model | loss, nats | perplexity |" in lines
    assert "| float32 | 1.500 (1.400 to 1.600) | 4.482 (4.055 to 4.953) |" in lines
    assert not any("Eight bits" in line for line in lines)


def test_what_was_not_made_is_not_mentioned():
    lines = lines_of(
        network="supernet", bytes={"model.json": 5}, int8_accuracy=0.895, remarks=[]
    )
    text = "\n".join(lines)
    assert "onnxruntime.Inference" not in text and "import network" not in text
    assert "network.stablehlo" not in text
    assert "those of the supernet" in text
    assert "Eight bits change the accuracy by -0.50 percentage points." in lines


def test_hand_made_networks_stand_beside_the_model():
    assert "Beside" not in "\n".join(lines_of())
    beside = {
        **{name: FACTS[name] for name in ("parameters", "bytes", "latency_ms")},
        "network": "resnet8",
        "accuracy": 0.75,
        "predicted_ms": None,
        "remarks": ["network_int8.onnx is left out: no reason"],
    }
    lines = lines_of(beside=[beside])
    head = lines.index("## Beside hand-made networks") + 4
    assert lines[head : head + 4] == [
        "| network | parameters | accuracy | JAX float32, ms | predicted, ms | "
        "int8 accuracy | float ONNX, bytes | int8 ONNX, bytes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| winner | 12,345 | 90.00 % | 1.500 | 1.625 | 88.50 % | 2,222 | 999 |",
        "| resnet8 | 12,345 | 75.00 % | 1.500 | – | – | 2,222 | 999 |",
    ]
    assert "resnet8: network_int8.onnx is left out: no reason" in lines


def test_the_card_tells_what_fine_tuning_did():
    facts = copy.deepcopy(FACTS)
    assert "Fine-tuned" not in model_card({**facts, "int8_tuning": None})
    tuning = {"full": 0.9, "before": 0.8, "after": 0.875, "steps": 300}
    kept = model_card({**facts, "int8_tuning": {**tuning, "kept": True}})
    assert "8 bits had 80.00" in kept and "(300 steps) they have 87.50" in kept
    assert "the 8-bit model has these weights" in kept
    left = model_card({**facts, "int8_tuning": {**tuning, "kept": False}})
    assert "no better: the weights are those of the training" in left


def test_the_card_tells_how_near_8_bits_are():
    found = {"same_class": 0.97, "difference": 0.3125}
    text = "\n".join(lines_of(int8_agreement=found))
    assert "same class as the float32 model for 97.00 % of them, and logits" in text
    assert "differ by up to 0.31." in text
    for facts in ({}, {"int8_agreement": None}):
        assert "rounds" not in "\n".join(lines_of(**facts))


def timed(**milliseconds):
    """Latencies as `model.json` has them."""
    return {
        FORMS[words]: {"median_ms": ms, "tenth_ms": ms, "spread_ms": 0.0, "passes": 9}
        for words, ms in milliseconds.items()
    }


def test_times_of_one_core_stand_beside_what_is_allowed():
    both = {"latency_ms": timed(**{"float32": 0.0614, "8 bits": 1.25})}
    said = (
        "On one core an example takes 0.061 ms in float32 and 1.250 ms in 8 bits "
        "(onnxruntime, medians)."
    )
    assert one_core_sentence({}) == one_core_sentence(FACTS) == ""
    assert one_core_sentence(both) == one_core_sentence({**both, "limit_ms": 0}) == said
    kept = one_core_sentence({**both, "limit_ms": 2.0})
    assert kept == f"{said} Allowed are 2 ms."
    above = one_core_sentence({**both, "limit_ms": 1.0})
    assert above == f"{said} More than the 1 ms that are allowed: 8 bits."
    alone = one_core_sentence({"latency_ms": timed(float32=3.0), "limit_ms": 1.0})
    assert alone.endswith(
        "3.000 ms in float32 (onnxruntime, medians). More than the 1 "
        "ms that are allowed: float32."
    )
    lines = lines_of(**both, limit_ms=1.0)
    assert above in lines
    assert "| onnxruntime int8, one core | 1.250 | ± 0.000 | 9 |" in lines
