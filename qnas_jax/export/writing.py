"""Writes a network into a folder in every form, and reads each back.

A form whose logits are not those of our own network is not left behind.
"""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.export import files
from qnas_jax.export.inputs import KINDS, Inputs, RunningText, Text
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import (
    Run,
    check_packages,
    quantised,
    run_onnx,
    to_onnx,
)
from qnas_jax.export.serialised import Logits, from_stablehlo, to_stablehlo
from qnas_jax.export.source import network_source
from qnas_jax.export.weights import network_weights
from qnas_jax.files import remove, replace_file
from qnas_jax.reading import reason
from qnas_jax.spaces import BuildableSpace

_TOLERANCE = 1e-3
"""Of logits, against the largest of them or 1: more is an error, not rounding."""


@dataclasses.dataclass
class Written:
    """What was written.

    Attributes:
      logits: the model that was read back, in JAX.
      differences: for each form the largest difference of a logit from our network's.
      remarks: what was left out and why, a line each.
      onnx: the ONNX model, opened; None without the extra `export`.
      int8: the same with 8 bits.
    """

    logits: Logits
    differences: dict[str, float]
    remarks: list[str]
    onnx: Run | None = None
    int8: Run | None = None


def write_model(
    folder: pathlib.Path,
    space: BuildableSpace,
    arch: Any,
    network: Any,
    inputs: Inputs,
    *,
    examples: np.ndarray,
    calibration: np.ndarray | None,
) -> Written:
    """Writes source, weights, StableHLO and ONNX of a network.

    Args:
      folder: where to; files of an earlier model are removed.
      space: of the network.
      arch: integers [L].
      network: `ChainSubnet` or `CellSubnet` with running statistics in use.
      inputs: what it gets, and what its outputs mean.
      examples: [M, ...] of the data, on which all forms are compared.
      calibration: [M, ...] of the data, for 8 bits; None: no ONNX is written.

    Returns:
      What was written, and in words what was not.
    """
    for name in files.ALL:
        remove(folder / name)
    logits = prepared(network, inputs)
    kind = inputs.kind
    shape, dtype = inputs.input_shape, KINDS[kind].dtype
    expected = np.asarray(jax.jit(logits)(jnp.asarray(examples)))
    written = Written(jax.jit(logits), {}, [])

    def check(name: str, run: Callable[[Any], Any]) -> None:
        found = np.asarray(run(examples))
        written.differences[name] = _difference(found, expected)

    @contextlib.contextmanager
    def leaving_out(name: str) -> Iterator[None]:
        """What goes wrong within leaves a file out, and is said."""
        try:
            yield
        except Exception as error:  # of many kinds, by ops and libraries of others
            remove(folder / name)
            written.remarks.append(f"{name} is left out: {reason(error)}")

    with leaving_out(files.SOURCE):
        write_source(folder, space, arch, network, inputs)
        loaded = load_logits(folder)
        run = jax.jit(loaded)
        check(files.SOURCE, run)
        logits, written.logits = loaded, run
    with leaving_out(files.STABLEHLO):
        content = to_stablehlo(logits, shape, dtype)
        check(files.STABLEHLO, jax.jit(from_stablehlo(content)))
        replace_file(folder / files.STABLEHLO, content)
    if calibration is None:
        return written
    with leaving_out(files.ONNX):
        check_packages()
        content = to_onnx(logits, shape, dtype, kind)
        onnx = run_onnx(content)
        check(files.ONNX, onnx)
        replace_file(folder / files.ONNX, content)
        written.onnx = onnx
    if written.onnx is not None:
        with leaving_out(files.INT8):
            small = quantised(content, calibration)
            written.int8 = run_onnx(small)
            replace_file(folder / files.INT8, small)
    return written


def prepared(network: Any, inputs: Inputs) -> Logits:
    """Our own network with the preparation of examples before it.

    Args:
      network: with running statistics in use.
      inputs: what it gets.

    Returns:
      Examples [N, ...] of the data -> logits float32 [N, classes].
    """

    def logits(examples: jax.Array) -> jax.Array:
        outputs: jax.Array = network(inputs.prepare(examples))
        return outputs

    return logits


def write_source(
    folder: pathlib.Path,
    space: BuildableSpace,
    arch: Any,
    network: Any,
    inputs: Inputs,
) -> None:
    """Writes source and weights, and of text the vocabulary.

    Args:
      folder: where to.
      space: of the network.
      arch: integers [L].
      network: the module.
      inputs: what it gets.

    Raises:
      UserError: as `network_source`; the weights are written.
    """
    from safetensors.numpy import save

    weights = network_weights(network)
    aligned = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    replace_file(folder / files.WEIGHTS, save(aligned))
    if isinstance(inputs, Text | RunningText):
        words = json.dumps(inputs.vocabulary, ensure_ascii=False, indent=0)
        replace_file(folder / files.VOCABULARY, words.encode("utf-8"))
    source = network_source(space, arch, inputs)
    replace_file(folder / files.SOURCE, source.encode("utf-8"))


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a logit.

    Raises:
      UserError: it is more than rounding.
    """
    difference = float(np.abs(found - expected).max())
    largest = max(1.0, float(np.abs(expected).max()))
    if not difference <= _TOLERANCE * largest:
        raise UserError(
            f"its logits differ by {difference:.2g} from the network's, which are up "
            f"to {largest:.3g}; expected no more than rounding"
        )
    return difference
