"""Writes a network into a folder in every form, and reads each back.

A form whose logits are not those of our own network is not left behind.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.export import files
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import (
    Run,
    missing_packages,
    quantised,
    run_onnx,
    to_onnx,
)
from qnas_jax.export.serialised import Logits, from_stablehlo, to_stablehlo
from qnas_jax.export.source import Images, network_source
from qnas_jax.export.weights import network_weights
from qnas_jax.files import remove, replace_file
from qnas_jax.reading import reason
from qnas_jax.spaces import BuildableSpace

_TOLERANCE = 1e-3
"""Of logits, against the largest of them or 1: more is an error, not rounding."""

_KNOWN = ("qnas_jax.", "flax.", "jax.")


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
    images: Images,
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
      images: what it gets, and what its outputs mean.
      examples: uint8 [M, H, W, C], on which all forms are compared.
      calibration: uint8 [M, H, W, C], for 8 bits; None: no ONNX is written.

    Returns:
      What was written.

    Raises:
      UserError: a form gives other logits than the network.
    """
    for name in files.ALL:
        remove(folder / name)
    logits = prepared(network, images)
    expected = np.asarray(jax.jit(logits)(jnp.asarray(examples)))
    differences: dict[str, float] = {}

    def compare(name: str, run: Callable[[Any], Any]) -> None:
        found = np.asarray(run(examples))
        differences[name] = _difference(name, found, expected)

    remarks = []
    try:
        write_source(folder, space, arch, network, images)
        loaded = load_logits(folder)
        run = jax.jit(loaded)
        compare(files.SOURCE, run)
        logits = loaded
    except Exception as error:
        if not _users_ops(network):
            raise
        remove(folder / files.SOURCE)
        remarks.append(f"{files.SOURCE} is left out: {reason(error)}")
        run = jax.jit(logits)
    content = to_stablehlo(logits, images.input_shape)
    replace_file(folder / files.STABLEHLO, content)
    compare(files.STABLEHLO, jax.jit(from_stablehlo(content)))
    written = Written(run, differences, remarks)
    missing = missing_packages()
    if calibration is not None and missing:
        remarks.append(
            f"{files.ONNX} is left out: {', '.join(missing)} not installed; "
            'pip install "qnas_jax[export]", then --stage=export'
        )
    elif calibration is not None:
        content = to_onnx(logits, images.input_shape)
        written.onnx = run_onnx(content)
        compare(files.ONNX, written.onnx)
        replace_file(folder / files.ONNX, content)
        small = quantised(content, calibration)
        written.int8 = run_onnx(small)
        replace_file(folder / files.INT8, small)
    return written


def prepared(network: Any, images: Images) -> Logits:
    """Our own network with the preparation of images before it.

    Args:
      network: with running statistics in use.
      images: what it gets.

    Returns:
      Images uint8 [N, H, W, C] -> logits float32 [N, classes].
    """
    mean, std = (
        jnp.asarray(values, jnp.float32).reshape(1, 1, 1, -1)
        for values in (images.mean, images.std)
    )

    def logits(pixels: jax.Array) -> jax.Array:
        values = pixels.astype(jnp.float32)
        if images.resized_to is not None:
            shape = (pixels.shape[0], *images.resized_to, pixels.shape[3])
            values = jnp.round(jax.image.resize(values, shape, "linear"))
            values = jnp.clip(values, 0, 255)
        outputs: jax.Array = network((values / 255 - mean) / std)
        return outputs

    return logits


def write_source(
    folder: pathlib.Path,
    space: BuildableSpace,
    arch: Any,
    network: Any,
    images: Images,
) -> None:
    """Writes source and weights.

    Args:
      folder: where to.
      space: of the network.
      arch: integers [L].
      network: the module.
      images: what it gets.

    Raises:
      UserError: as `network_source`; the weights are written.
    """
    from safetensors.numpy import save

    weights = network_weights(network)
    aligned = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    replace_file(folder / files.WEIGHTS, save(aligned))
    source = network_source(space, arch, images)
    replace_file(folder / files.SOURCE, source.encode("utf-8"))


def _users_ops(network: Any) -> bool:
    """Whether some op is a user's."""
    return any(
        not type(part).__module__.startswith(_KNOWN)
        for _, part in nnx.iter_modules(network)
    )


def _difference(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a logit.

    Raises:
      UserError: it is more than rounding.
    """
    difference = float(np.abs(found - expected).max())
    largest = max(1.0, float(np.abs(expected).max()))
    if not difference <= _TOLERANCE * largest:
        raise UserError(
            f"{name}: its logits differ by {difference:.2g} from the network's, which "
            f"are up to {largest:.3g}; expected no more than rounding"
        )
    return difference
