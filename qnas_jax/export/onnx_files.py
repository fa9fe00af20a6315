"""Models as ONNX, and as ONNX with weights and activations of 8 bits.

The extra `export` brings what is needed: jax2onnx writes the graph, onnxruntime runs
and quantises it. Quantisation is static and symmetric: weights int8 with a scale for
each channel, activations int8 with scales from the range of calibration examples, told
by pairs of QuantizeLinear and DequantizeLinear (Jacob et al. 2018).
"""

import contextlib
import importlib.util
import logging
import pathlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.export.serialised import Logits

PACKAGES = ("jax2onnx", "onnx", "onnxruntime")
OUTPUT = "logits"
_CALIBRATED_AT_ONCE = 32
_LOADED = "_already_imported_plugins"  # in jax2onnx 0.17: that nothing is left to load

Run = Callable[[np.ndarray], np.ndarray]
"""Examples [N, ...] as the data have them -> logits float32 [N, classes]."""


def missing_packages() -> list[str]:
    """Those of the extra `export` that are not installed."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def check_packages() -> None:
    """Raises UserError unless the extra `export` is installed."""
    missing = missing_packages()
    if missing:
        raise UserError(
            f"{', '.join(missing)} not installed; "
            'pip install "qnas_jax[export]", then --stage=export'
        )


def to_onnx(
    logits: Logits,
    input_shape: Sequence[int],
    dtype: Any = np.uint8,
    name: str = "images",
) -> bytes:
    """Writes a model as ONNX, for any number of examples.

    Args:
      logits: the model, with its weights.
      input_shape: of one example.
      dtype: of the input.
      name: of the input.

    Returns:
      The content of a file with an input [N, *input_shape] of that name, and an output
      `logits`, float32 [N, classes].
    """
    # Its rules for convolutions add vectors to images.
    with _quiet(), jax.numpy_rank_promotion("allow"):
        import jax2onnx

        _load_rules()
        examples = jax.ShapeDtypeStruct(("N", *input_shape), dtype)
        proto = jax2onnx.to_onnx(
            lambda examples: logits(examples),
            [examples],
            model_name="network",
            input_names=[name],
            output_names=[OUTPUT],
        )
    return bytes(proto.SerializeToString())


def _load_rules() -> None:
    """Loads jax2onnx's rules for JAX and Flax alone.

    By itself it loads all that it has, which takes ten times as long: its rules for
    Equinox draw the weights of networks of their own while they are imported.
    """
    from jax2onnx.plugins import plugin_system

    load = getattr(plugin_system, "_import_tree", None)
    if load is None or getattr(plugin_system, _LOADED, True):
        return  # They are loaded, or this version goes about it in another way.
    rules = pathlib.Path(plugin_system.__file__).parent
    for name in ("jax", "flax"):
        load(rules / name, f"jax2onnx.plugins.{name}")
    setattr(plugin_system, _LOADED, True)


def quantised(
    content: bytes, calibration: np.ndarray, *, fit_biases: bool = True
) -> bytes:
    """The same model with 8 bits.

    Args:
      content: of an ONNX file.
      calibration: [M, ...], examples that ranges of activations are taken from.
      fit_biases: widen scales of weights until biases fit into 32 bits; onnxruntime
        (1.32) cannot do so for products whose bias is a row.

    Returns:
      The content of an ONNX file with the same input and output.
    """
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process

        whole, ready, small = (
            pathlib.Path(folder) / f"{name}.onnx"
            for name in ("whole", "ready", "small")
        )
        whole.write_bytes(content)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(small),
            _reader(_input_of(content), calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QInt8,
            op_types_to_quantize=_in_8_bits(),
            extra_options={"QDQDisableWeightAdjustForInt32Bias": not fit_biases},
        )
        return small.read_bytes()


def _in_8_bits() -> list[str]:
    """Operations that take 8 bits: all that can, but those around an attention's mask.

    What is not to be seen is a number far below all others, which would make the range
    of what is selected and of what a softmax gets so wide that all others are one.
    """
    from onnxruntime.quantization import registry

    every = registry.QLinearOpsRegistry | registry.QDQRegistry
    return sorted(every.keys() - {"Where", "Softmax"})


def _input_of(content: bytes) -> str:
    """The name of a model's input."""
    import onnx

    return str(onnx.load_model_from_string(content).graph.input[0].name)


def _reader(name: str, examples: np.ndarray) -> Any:
    """The examples for calibration in the form that onnxruntime reads."""
    from onnxruntime.quantization import CalibrationDataReader

    def batches() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(examples), _CALIBRATED_AT_ONCE):
            yield {name: examples[start : start + _CALIBRATED_AT_ONCE]}

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = batches()

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._batches, None)

    return Reader()


def run_onnx(content: bytes, threads: int = 0, *, without: Sequence[str] = ()) -> Run:
    """Opens a model in onnxruntime, on the CPU.

    Args:
      content: of an ONNX file.
      threads: of one operation; 0: as many as there are cores.
      without: optimisers of onnxruntime that are left out.

    Returns:
      Examples [N, ...] as the data have them -> logits float32 [N, classes].
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(
        content, options, providers=providers, disabled_optimizers=list(without)
    )
    (given,) = session.get_inputs()

    def run(examples: np.ndarray) -> np.ndarray:
        (logits,) = session.run(None, {given.name: examples})
        return np.asarray(logits)

    return run


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps to themselves what the libraries have to say of their own workings."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors only
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
