"""Eight bits that lose more than they may: fine-tuning, judged on validation examples.

The stand-alone network, its normalisation already in its weights, is trained on as its
8-bit form will compute (`export.fake_quantised`). What comes back are float weights,
which are then quantised as any (Jacob et al., CVPR 2018, section 3). qwix 0.1.8 was
tried for it: its quantised training takes no gradient of depth-wise convolutions.

Whether 8 bits lose too much, and whether fine-tuned weights are better, is measured on
the validation split; the test split is read for the card only. Float forms of the model
keep the weights of the retraining.
"""

import dataclasses
import pathlib
from typing import Any

import jax
from flax import nnx

from qnas_jax.data import Split
from qnas_jax.export import Written, files
from qnas_jax.export.fake_quantised import fake_quantise
from qnas_jax.export.inputs import KINDS
from qnas_jax.export.loading import load_network, logits_of
from qnas_jax.export.onnx_files import quantised, run_onnx, to_onnx
from qnas_jax.files import replace_file
from qnas_jax.jobs.nas.model_quality import Judge
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.training.finetuning import trained_on


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Values on the validation split, and whether the fine-tuned weights were kept.

    Attributes:
      full: that of the float model, see `Judge.value`.
      before: that of the 8-bit model.
      after: the same, fine-tuned.
      steps: of the fine-tuning.
      kept: whether it was better.
    """

    full: float
    before: float
    after: float
    steps: int
    kept: bool


def tune_int8(
    setting: NasSetting,
    written: Written,
    folder: pathlib.Path,
    kind: str,
    judge: Judge,
) -> Tuning | None:
    """Fine-tunes where 8 bits lose too much, and writes the 8-bit form anew.

    Args:
      setting: the run.
      written: the model as it was written; its `int8` may be replaced.
      folder: of the model.
      kind: of the examples, a key of `KINDS`.
      judge: says how good a model is.

    Returns:
      What came of it; None where nothing was to be done.
    """
    options = setting.config.export
    source = folder / files.SOURCE
    if written.int8 is None or not options.tuning_steps or not source.is_file():
        return None
    valid, train = setting.dataset.valid, setting.dataset.train
    full = judge.value(written.logits, valid)
    before = judge.value(written.int8, valid)
    if judge.points_lost(full, before) <= options.tuned_above:
        return None
    network = load_network(folder)
    train_rounded(
        network,
        train,
        setting.key("export"),
        loss=judge.loss,
        steps=options.tuning_steps,
        batch_size=options.tuning_batch,
        learning_rate=options.tuning_rate,
        progress=lambda steps: setting.progress(
            steps, options.tuning_steps, "fine-tuning for 8 bits"
        ),
        should_stop=setting.should_stop,
    )
    content = _in_8_bits(network, setting, kind)
    run = run_onnx(content)
    after = judge.value(run, valid)
    kept = judge.points_lost(before, after) < 0
    if kept:
        replace_file(folder / files.INT8, content)
        written.int8 = run
    return Tuning(full, before, after, options.tuning_steps, kept)


def train_rounded(
    network: nnx.Module, train: Split, key: jax.Array, **options: Any
) -> None:
    """Trains a stand-alone network on as its 8-bit form will compute, in place.

    Args:
      network: of the stand-alone source; a plain network afterwards, too.
      train: examples and targets.
      key: consumed.
      **options: of `trained_on`.

    Raises:
      Stopped: the user asked to stop; nothing is changed.
    """
    rounding = nnx.clone(network)
    fake_quantise(rounding)
    nnx.update(
        network, trained_on(rounding, train.inputs, train.targets, key, **options)
    )


def _in_8_bits(network: Any, setting: NasSetting, kind: str) -> bytes:
    """The content of an 8-bit ONNX file of a stand-alone network."""
    train = setting.dataset.train.inputs
    shape = setting.dataset.input_shape
    calibration = train[: setting.config.export.calibration_examples]
    whole = to_onnx(logits_of(network), shape, KINDS[kind].dtype, kind)
    return quantised(whole, calibration)
