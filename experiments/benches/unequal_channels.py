"""Fine-tuning for 8 bits where 8 bits lose much: channels of very unequal sizes.

    python -m experiments.benches.unequal_channels [--spread=3] [--steps=300]

A network of `digits_tiny` is trained, and then the hidden channels of its inverted
residuals are scaled: expansion by s, projection by 1 / s, s from 10^-spread to 1 at
random. In float32 it computes the same, but for what ReLU6 cuts off; in 8 bits all
channels of an activation share one scale, and small ones are rounded away (Nagel et
al., Data-free quantization, ICCV 2019, section 3). It is then fine-tuned as the stage
`export` does (`jobs/nas/int8_tuning.py`), and beside that for as many steps without
rounding. Validation accuracy in %.
"""

import argparse
import pathlib
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from experiments.benches.exports import random_weights
from experiments.measuring.rows import table
from qnas_jax.data import DataOptions, Dataset, load
from qnas_jax.export import Images, blank_network
from qnas_jax.export.loading import load_network, logits_of
from qnas_jax.export.onnx_files import quantised, run_onnx, to_onnx
from qnas_jax.export.writing import write_source
from qnas_jax.jobs.nas.int8_tuning import train_rounded
from qnas_jax.jobs.nas.model_quality import ByAccuracy
from qnas_jax.nets import set_mode
from qnas_jax.spaces import SPACES, BuildableSpace
from qnas_jax.training.finetuning import trained_on

SPACE, ARCH = "digits_tiny", (0, 0, 0, 0, 0)  # all layers mb2_k3
CALIBRATION = 256
JUDGE = ByAccuracy(128)


def trained_network(dataset: Dataset, steps: int) -> nnx.Module:
    """The stand-alone network of `ARCH`, trained from random weights."""
    space = SPACES[SPACE](dataset.input_shape, dataset.num_classes)
    assert isinstance(space, BuildableSpace)
    network = random_weights(blank_network(space, ARCH), np.random.default_rng(0))
    set_mode(network, "running")
    height, width, channels = dataset.input_shape
    shape = height, width, channels
    inputs = Images(shape, (0.3,), (0.38,), dataset.class_names)
    with tempfile.TemporaryDirectory() as folder:
        write_source(pathlib.Path(folder), space, ARCH, network, inputs)
        found = load_network(pathlib.Path(folder))
    train = dataset.train
    key = jax.random.key(0)
    options = _training(steps, 3e-3)
    nnx.update(found, trained_on(found, train.inputs, train.targets, key, **options))
    return found


def _training(steps: int, learning_rate: float) -> dict[str, Any]:
    """Options of `trained_on`."""
    sizes = {"steps": steps, "batch_size": 64, "learning_rate": learning_rate}
    return {"loss": JUDGE.loss, **sizes}


def scale_channels(
    network: nnx.Module, spread: float, rng: np.random.Generator
) -> None:
    """Scales hidden channels of inverted residuals, in place.

    Args:
      network: of the stand-alone source.
      spread: decades between the largest and the smallest scale.
      rng: draws the scales.
    """
    blocks: list[Any] = [module for _, module in nnx.iter_modules(network)]
    for block in blocks:
        if getattr(block, "expand", None) is None or not hasattr(block, "depthwise"):
            continue
        count = block.expand.kernel[...].shape[-1]
        scales = (10 ** -rng.uniform(0, spread, count)).astype(np.float32)
        for part in (block.expand.kernel, block.expand.bias, block.depthwise.bias):
            part[...] = jnp.asarray(np.asarray(part[...]) * scales)
        kernel = block.project.kernel
        kernel[...] = jnp.asarray(np.asarray(kernel[...]) / scales[:, None])


def accuracies(network: nnx.Module, dataset: Dataset) -> dict[str, float]:
    """Of the network and of its 8-bit form on validation examples, %."""
    logits = logits_of(network)
    whole = to_onnx(logits, dataset.input_shape)
    small = run_onnx(quantised(whole, dataset.train.inputs[:CALIBRATION]))
    forms = {"float32": run_onnx(whole), "8 bits": small}
    return {
        name: round(100 * JUDGE.value(run, dataset.valid), 2)
        for name, run in forms.items()
    }


def run(spread: float, steps: int, training_steps: int = 600) -> list[dict[str, Any]]:
    """A row before and after scaling, and after both kinds of training on.

    Args:
      spread: see `scale_channels`.
      steps: of fine-tuning.
      training_steps: of the training before.
    """
    dataset = load(DataOptions())
    network = trained_network(dataset, training_steps)
    rows = [{"network": "trained", **accuracies(network, dataset)}]
    scale_channels(network, spread, np.random.default_rng(1))
    rows.append({"network": "channels scaled", **accuracies(network, dataset)})
    plain, key = nnx.clone(network), jax.random.key(1)
    train = dataset.train
    options = _training(steps, 1e-4)
    nnx.update(plain, trained_on(plain, train.inputs, train.targets, key, **options))
    rows.append({"network": "trained on in float32", **accuracies(plain, dataset)})
    train_rounded(network, train, key, **options)
    rows.append({"network": "trained on for 8 bits", **accuracies(network, dataset)})
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spread", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    rows = run(options.spread, options.steps)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    main()
