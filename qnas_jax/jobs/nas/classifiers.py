"""What has no network beside the winner, fitted to the same examples.

They see the training and the validation split together: they choose nothing by the
latter, as networks choose their epoch and a search its winner, so both have used the
same labels. That is also the protocol of published results, where only a test split is
held out. Series come normalised as networks get them; what is missing stays NaN. Of
text they get numbers of words.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.baselines import (
    CLASSIFIERS,
    LANGUAGE_MODELS,
    TEXT_CLASSIFIERS,
    WITHOUT_NETWORK,
)
from qnas_jax.data import SERIES
from qnas_jax.jobs.nas.answers import write_answers
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.window_losses import write_window_losses
from qnas_jax.runs import read_sealed, write_json, write_sealed
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import measure_answers


def compare_classifiers(setting: NasSetting) -> None:
    """Fits those that are asked for and writes `retrain/classifiers.json`.

    A finished one is not fitted again. Without any, nothing is written.

    Args:
      setting: the run.

    Raises:
      Stopped: the user asked to stop; finished ones are kept.
      RunError: what an earlier part left is damaged.
    """
    folder = setting.folder.path / "retrain"
    results = {}
    for name in setting.config.retrain.baselines:
        if name not in WITHOUT_NETWORK:
            continue
        path = folder / name / "result.json"
        if not path.exists():
            test = _tested_model if name in LANGUAGE_MODELS else _tested
            write_sealed(path, test(setting, name))
        results[name] = read_sealed(path, "--stage=retrain does it again")
    if results:
        write_json(folder / "classifiers.json", results)


def _tested(setting: NasSetting, name: str) -> dict[str, Any]:
    """Metrics of one classifier on the test split, which is read once."""
    dataset = setting.dataset
    classifier = {**CLASSIFIERS, **TEXT_CLASSIFIERS}[name]
    examples, targets = _known(setting)
    seed = np.asarray(jax.random.key_data(setting.key(f"retrain/{name}")))
    predict = classifier.fit(
        _seen(setting, examples), targets, np.random.default_rng(seed)
    )
    examples = _seen(setting, dataset.test.inputs)
    starts = range(0, len(examples), classifier.at_once)
    answers = []
    for start in setting.progress(starts, len(starts), f"retrain/{name}"):
        if setting.should_stop():
            raise Stopped
        answers.append(predict(examples[start : start + classifier.at_once]))
    given = np.concatenate(answers)
    write_answers(setting, name, given)
    found = measure_answers(given, dataset.test.targets, dataset.num_classes)
    return {f"test_{metric}": value for metric, value in found.items()}


def _tested_model(setting: NasSetting, name: str) -> dict[str, Any]:
    """Metrics of one language model on the test split, which is read once."""
    dataset, task, model = setting.dataset, setting.task, LANGUAGE_MODELS[name]
    predict = model.fit(*_known(setting), task.num_outputs)
    test = dataset.test
    starts = range(0, len(test), model.at_once)

    def outputs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in setting.progress(starts, len(starts), f"retrain/{name}"):
            if setting.should_stop():
                raise Stopped
            part = slice(start, start + model.at_once)
            yield predict(test.inputs[part]), test.targets[part]

    found = write_window_losses(setting, name, outputs())
    sums = found.losses.sum(), found.tokens.sum()
    return {
        f"test_{metric}": float(rule.finish(sums, len(test)))
        for metric, rule in task.metrics.items()
    }


def _known(setting: NasSetting) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the training and of the validation split."""
    dataset = setting.dataset
    known = [dataset.train, dataset.valid]
    return (
        np.concatenate([split.inputs for split in known]),
        np.concatenate([split.targets for split in known]),
    )


def _seen(setting: NasSetting, examples: np.ndarray) -> np.ndarray:
    """Series [N, T, C] as networks see them; numbers of words as they are."""
    return _normalised(setting, examples) if setting.kind == SERIES else examples


def _normalised(setting: NasSetting, series: np.ndarray) -> np.ndarray:
    """Series [N, T, C] as networks see them, but NaN for what is missing."""
    prepared = np.asarray(setting.task.prepare(jnp.asarray(series)))
    return np.where(np.isnan(series), np.nan, prepared[..., : series.shape[-1]])
