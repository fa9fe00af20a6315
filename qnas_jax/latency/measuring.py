"""How long a network takes on this machine: warm-up, median, spread.

A runtime makes of a module and some inputs a function without arguments that computes
their outputs one after the other, each as a batch of one, and waits for them. JAX is
one; a further one (ONNX, say) is a function and a line in `RUNTIMES`.
"""

import dataclasses
import gc
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.kernels import compiler_options
from qnas_jax.latency.onnx_runtime import int8_runtime, onnx_runtime
from qnas_jax.nets import set_mode
from qnas_jax.options import OptionError, Options, option

Run = Callable[[], object]
Runtime = Callable[[nnx.Module, np.ndarray, bool], Run]
"""(network, inputs [N, ...], whether one thread is all) -> computes all outputs."""


def jax_runtime(module: nnx.Module, inputs: np.ndarray, one_thread: bool) -> Run:
    """Compiles a module for the default device, normalisation by running statistics.

    Its weights are constants of the program, as in a model that is deployed. Several
    inputs are a loop within the program, so that a call is paid for once: small ops
    take less time than calls.

    Args:
      module: the network or op.
      inputs: float32 [N, ...].
      one_thread: no operation is split among threads; on CPUs only.

    Returns:
      Computes outputs [N, ...].
    """
    set_mode(module, "running")
    graphdef, state = nnx.split(module)
    options = compiler_options()
    if one_thread and jax.default_backend() == "cpu":
        options["xla_cpu_multi_thread_eigen"] = False

    def one(image: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, state)(image[None])[0]

    def each(images: jax.Array) -> jax.Array:
        return one(images[0])[None] if len(images) == 1 else jax.lax.map(one, images)

    compiled, images = jax.jit(each, compiler_options=options), jnp.asarray(inputs)
    return lambda: jax.block_until_ready(compiled(images))


RUNTIMES: dict[str, Runtime] = {
    "jax": jax_runtime,
    "onnx": onnx_runtime,
    "onnx_int8": int8_runtime,
}
"""The values of `latency.runtime`."""

CLOCKS: dict[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "processor": time.process_time,
}
"""The values of `latency.clock`."""


STATISTICS = {"median": "median_ms", "tenth": "tenth_ms"}
"""The values of `latency.statistic`, and their names among what was measured."""


@dataclasses.dataclass(frozen=True)
class LatencyOptions(Options):
    """How latency is measured on this machine, for one input.

    Raises:
      OptionError: a value is not allowed.
    """

    runtime: str = option(
        "jax",
        "what runs the networks: JAX, or onnxruntime in float32 or with 8 bits (the "
        "extra export)",
        choices=RUNTIMES,
    )
    one_thread: bool = option(True, "whether one thread is all that a network gets")
    clock: str = option(
        "wall",
        "wall time, or that of the processor: the same with one thread, and told apart "
        "from what else the machine does",
        choices=CLOCKS,
    )
    statistic: str = option(
        "median",
        "of all passes: the median, or what a tenth of them stays below, which on a "
        "busy machine is nearer to what the network itself takes",
        choices=STATISTICS,
    )
    seconds: float = option(0.2, "for one op or network, after warming up", above=0)
    at_once: int = option(
        32,
        "inputs of an op that follow each other in one call; networks have one",
        low=1,
    )
    validate: int = option(
        50, "random networks that are measured to judge the table", low=0
    )
    calibrate: int = option(
        12, "others, by which the sums of ops are calibrated; 0: not at all", low=0
    )
    samples: str = option(
        "",
        "CSV or npz file of networks that were measured on another device, from which "
        "the table is learnt; empty: ops are measured on this machine",
    )
    device: str = option(
        "", "which device of `samples` is meant; empty: it has only one"
    )
    references: str = option(
        "",
        "file of networks measured on further devices, which helps where there are few "
        "samples; empty: none",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validate == 1:
            raise OptionError("validate", 1, "0, or 2 and more: they are ranked")
        for name in ("device", "references"):
            if getattr(self, name) and not self.samples:
                allowed = "empty, as nothing is learnt: `samples` names no file"
                raise OptionError(name, getattr(self, name), allowed)


class Measured(NamedTuple):
    """A latency.

    Attributes:
      median_ms: of all passes, milliseconds an input.
      tenth_ms: what a tenth of the passes stays below.
      spread_ms: half the distance between their quartiles.
      passes: how many there were.
    """

    median_ms: float
    tenth_ms: float
    spread_ms: float
    passes: int


_WARM = 3
_FEWEST, _MOST = 10, 10_000


def measure(
    run: Run,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    inputs: int = 1,
) -> Measured:
    """Times a function over many passes.

    Args:
      run: what is timed.
      seconds: about how long, after warming up; there are at least 10 passes.
      clock: reads the time.
      inputs: how many are computed in a pass.

    Returns:
      Median, tenth and spread of single passes.
    """
    for _ in range(_WARM):
        run()
    times: list[float] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        while len(times) < _FEWEST or (sum(times) < seconds and len(times) < _MOST):
            before = clock()
            run()
            times.append(clock() - before)
    finally:
        if collecting:
            gc.enable()
    milliseconds = 1e3 / inputs * np.asarray(times)
    tenth, low, middle, high = np.quantile(milliseconds, (0.1, 0.25, 0.5, 0.75))
    return Measured(
        float(middle), float(tenth), float(high - low) / 2, len(milliseconds)
    )
