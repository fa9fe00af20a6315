"""The stage that hands over a model: `model/` with source, weights, ONNX and a card.

Every figure of the card is measured here. The float network's accuracy on the test
split was known before (`retrain`), and nothing is chosen by what is measured.
"""

import dataclasses
import functools
import importlib.metadata
import math
import pathlib
import platform
import tempfile
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from qnas_jax import data
from qnas_jax.baselines import WITHOUT_NETWORK
from qnas_jax.export import Written, files, write_model
from qnas_jax.export.facts import with_digests
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.files import replace_file
from qnas_jax.jobs.nas.export_options import ExportOptions
from qnas_jax.jobs.nas.exported_network import (
    ExportedNetwork,
    describe_exported,
    exported_network,
    retrained_network,
    why_no_model,
)
from qnas_jax.jobs.nas.int8_tuning import tune_int8
from qnas_jax.jobs.nas.model_quality import Answers, Judge, judge_of
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.latency import LATENCY, measure
from qnas_jax.reporting.model_card import model_card
from qnas_jax.reporting.one_core import FORMS, one_core_sentence
from qnas_jax.runs import environment, write_json

_COMPARED = 100
_MOST_LOGITS = 2**24
_BESIDE = (
    *("network", "parameters", "macs", "bytes", "latency_ms", "predicted_ms"),
    *("accuracy", "accuracy_interval", "int8_accuracy", "int8_accuracy_interval"),
    *("perplexity", "perplexity_interval", "int8_perplexity"),
    *("int8_perplexity_interval", "int8_tuning", "remarks"),
)
"""What the card says of a network beside the model."""

_PACKAGES = ("jax", "flax", "safetensors", "jax2onnx", "onnx", "onnxruntime")

EXPORT_FILES = tuple(f"{files.FOLDER}/{name}" for name in files.ALL)
"""What the stage writes."""


def export_model(setting: NasSetting) -> list[str]:
    """Writes `model/`.

    Args:
      setting: the run; its retraining (or its supernet) is finished.

    Returns:
      Where the model is, how good it is, and what was left out.

    Raises:
      RunError: weights are gone or damaged.
      UserError: the architecture was not retrained.
    """
    if why := why_no_model(setting):
        return [f"nothing to do: {why}"]
    exported = exported_network(setting)
    folder = setting.folder.path / files.FOLDER
    facts = {
        **_written_and_measured(setting, exported, folder),
        "beside": _hand_made(setting),
        **_origin(setting, exported),
    }
    write_json(folder / files.FACTS, with_digests(facts, folder))
    replace_file(folder / files.CARD, model_card(facts).encode("utf-8"))
    speed = one_core_sentence(facts)
    return [
        f"{folder}: {judge_of(setting).in_words(facts)}",
        *([speed] if speed else []),
        *facts["remarks"],
    ]


def _written_and_measured(
    setting: NasSetting, exported: ExportedNetwork, folder: pathlib.Path
) -> dict[str, Any]:
    """Writes a network in every form, and says what it is and does."""
    options = setting.config.export
    dataset = setting.dataset
    compared = _compared(setting)
    written = write_model(
        folder,
        exported.space,
        exported.arch,
        exported.network,
        exported.inputs,
        examples=compared,
        calibration=(
            dataset.train.inputs[: options.calibration_examples]
            if options.onnx
            else None
        ),
    )
    judge = judge_of(setting)
    tuning = tune_int8(setting, written, folder, exported.inputs.kind, judge)
    facts = {
        **describe_exported(setting, exported),
        "inputs": exported.inputs.kind,
        "input_shape": list(exported.inputs.input_shape),
        "class_names": list(exported.inputs.class_names),
        **_qualities(judge, written, dataset.test),
        "int8_tuning": None if tuning is None else dataclasses.asdict(tuning),
        "differences": written.differences,
        "int8_agreement": int8_agreement(written, compared),
        "compared_examples": len(compared),
        "latency_ms": _latencies(written, folder, dataset.test.inputs[:1], options),
        "limit_ms": options.max_ms,
        "predicted_ms": _predicted(setting, exported),
        "bytes": {
            name: (folder / name).stat().st_size
            for name in files.ALL
            if (folder / name).is_file()
        },
        "remarks": written.remarks,
    }
    return facts


def _hand_made(setting: NasSetting) -> list[dict[str, Any]]:
    """The same of hand-made networks, whose files are not kept."""
    if not setting.config.export.hand_made:
        return []
    found = []
    for name in setting.config.retrain.baselines:
        if name in WITHOUT_NETWORK:
            continue
        exported = retrained_network(setting, name)
        with tempfile.TemporaryDirectory() as folder:
            facts = _written_and_measured(setting, exported, pathlib.Path(folder))
        found.append({key: facts[key] for key in _BESIDE if key in facts})
    return found


def _compared(setting: NasSetting) -> np.ndarray:
    """Test examples, so few that logits of each token of many fit into memory."""
    test = setting.dataset.test
    of_one = setting.task.num_outputs * math.prod(test.targets.shape[1:])
    return test.inputs[: min(_COMPARED, max(1, _MOST_LOGITS // of_one))]


def _qualities(judge: Judge, written: Written, test: data.Split) -> dict[str, Any]:
    """Of the float and the int8 model on the test split."""
    found: dict[str, Any] = {"test_examples": len(test)}
    runs: dict[str, Answers | None] = {"": written.logits, "int8_": written.int8}
    for name, run in runs.items():
        if run is not None:
            facts = judge.facts(run, test)
            found |= {f"{name}{metric}": value for metric, value in facts.items()}
    return found


def int8_agreement(written: Written, examples: np.ndarray) -> dict[str, float] | None:
    """How near the model with 8 bits is to the one in float32.

    Args:
      written: the model.
      examples: [M, ...] of the data.

    Returns:
      `same_class`, the share in [0, 1] of examples for which the largest logit is the
      same one, and `difference`, the largest of a logit; None without 8 bits.
    """
    if written.int8 is None:
        return None
    full = np.asarray(written.logits(jax.device_put(examples)))
    small = written.int8(examples)
    same = small.argmax(axis=-1) == full.argmax(axis=-1)
    return {
        "same_class": float(same.mean()),
        "difference": float(np.abs(small - full).max()),
    }


def _latencies(
    written: Written, folder: pathlib.Path, example: np.ndarray, options: ExportOptions
) -> dict[str, dict[str, float]]:
    """Of each form for one example; those of ONNX on all cores, and on one."""
    on_device = jax.device_put(example)
    runs: dict[str, Callable[[], object]] = {
        "JAX float32": lambda: jax.block_until_ready(written.logits(on_device))
    }
    if written.onnx is not None:
        runs["onnxruntime float32"] = functools.partial(written.onnx, example)
    if written.int8 is not None:
        runs["onnxruntime int8"] = functools.partial(written.int8, example)
    for (name, file), run in zip(
        ((FORMS["float32"], files.ONNX), (FORMS["8 bits"], files.INT8)),
        (written.onnx, written.int8),
        strict=True,
    ):
        if run is not None:
            alone = run_onnx((folder / file).read_bytes(), threads=1)
            runs[name] = functools.partial(alone, example)
    return {
        name: measure(run, options.latency_seconds)._asdict()
        for name, run in runs.items()
    }


def _predicted(setting: NasSetting, exported: ExportedNetwork) -> dict[str, Any] | None:
    """What the table of latencies that a search kept to says of the network."""
    found = exported.latency_ms
    if setting.latency is not None and exported.space is setting.space:
        arch = np.asarray(exported.arch)[None]
        found = float(setting.latency.cost(arch)[LATENCY][0])
    return None if found is None else {"ms": found, "table": setting.latency_file.name}


def _origin(setting: NasSetting, exported: ExportedNetwork) -> dict[str, Any]:
    """How the model was made, and on what it was measured."""
    config = setting.config
    group = config.supernet if exported.name == "supernet" else config.retrain
    if exported.learning_rate is not None:
        group = dataclasses.replace(group, learning_rate=exported.learning_rate)
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    made_by = environment([])
    return {
        "seed": config.seed,
        "strategy": setting.strategy_spec.name,
        "training": {
            name: getattr(group, name)
            for name in ("epochs", "batch_size", "learning_rate")
        },
        "calibration_examples": config.export.calibration_examples,
        "python": platform.python_version(),
        "versions": {"qnas_jax": made_by["qnas_jax"], **versions},
        "host": {
            name: made_by[name]
            for name in ("platform", "processor", "cpu_count", "devices")
        },
    }
