"""Latency through onnxruntime, float32 or with 8 bits: what a deployed model takes.

The extra `export` brings what is needed (`qnas_jax/export/onnx_files.py`).
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.export import onnx_files
from qnas_jax.kernels import force_implementation
from qnas_jax.nets import set_mode

Run = Callable[[], object]


def onnx_runtime(module: nnx.Module, inputs: np.ndarray, one_thread: bool) -> Run:
    """Opens a module in onnxruntime, in float32.

    Args:
      module: the network or op.
      inputs: float32 [N, ...].
      one_thread: no operation is split among threads.

    Returns:
      Computes all outputs, one call each.

    Raises:
      UserError: the extra `export` is not installed.
    """
    return _opened(_as_onnx(module, inputs), inputs, one_thread)


def int8_runtime(module: nnx.Module, inputs: np.ndarray, one_thread: bool) -> Run:
    """The same with weights and activations of 8 bits; ranges are those of the inputs.

    Args:
      module: the network or op.
      inputs: float32 [N, ...].
      one_thread: no operation is split among threads.

    Returns:
      Computes all outputs, one call each.

    Raises:
      UserError: the extra `export` is not installed.
    """
    whole = _as_onnx(module, inputs)
    small = onnx_files.quantised(whole, inputs, fit_biases=False)
    try:
        return _opened(small, inputs, one_thread)
    except Exception:  # onnxruntime has none of its own; 1.32 moves roundings past
        # slices that are only compared, and then refuses what it made of them.
        return _opened(small, inputs, one_thread, without=["QDQPropagationTransformer"])


def _as_onnx(module: nnx.Module, inputs: np.ndarray) -> bytes:
    onnx_files.check_packages()
    set_mode(module, "running")
    graphdef, state = nnx.split(module)

    def compute(values: jax.Array) -> jax.Array:
        outputs: jax.Array = nnx.merge(graphdef, state)(values)
        # A graph cannot hand its input on as its output.
        return values + 0.0 if outputs is values else outputs

    with force_implementation("reference"):
        return onnx_files.to_onnx(compute, inputs.shape[1:], jnp.float32)


def _opened(
    content: bytes, inputs: np.ndarray, one_thread: bool, without: Sequence[str] = ()
) -> Run:
    threads = 1 if one_thread else 0
    run = onnx_files.run_onnx(content, threads, without=without)
    singles = [inputs[place : place + 1] for place in range(len(inputs))]
    return lambda: [run(single) for single in singles]
