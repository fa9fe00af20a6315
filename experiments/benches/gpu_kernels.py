"""Parts of a session on an accelerator without networks: limits and kernels."""

import concurrent.futures
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from experiments.measuring import turns
from qnas_jax.kernels import depthwise_conv, depthwise_pallas, depthwise_taps
from qnas_jax.kernels.depthwise import FORMS

Note = Callable[[str, Any], None]

# side, channels, kernel, stride: hidden values of proxylessnas and nas_bench_macro
SHAPES = (
    (32, 144, 5, 1),
    (32, 192, 5, 2),
    (16, 240, 3, 1),
    (8, 768, 5, 1),
    (4, 1152, 5, 1),
)
_OWN: dict[str, Any] = {"taps": depthwise_taps, "pallas": depthwise_pallas}
TINY_SHAPES = ((6, 4, 3, 1), (6, 4, 5, 2))


def seconds_of(function: Callable[[], Any], calls: int = 10, passes: int = 5) -> float:
    """Median over passes of the mean time of calls that are waited for once.

    Slow calls (50 ms) are counted one by one.
    """
    jax.block_until_ready(function())
    started = time.perf_counter()
    jax.block_until_ready(function())
    if time.perf_counter() - started > 0.05:
        calls, passes = 1, min(passes, 3)
    times = []
    for _ in range(passes):
        started = time.perf_counter()
        results = [function() for _ in range(calls)]
        jax.block_until_ready(results[-1])
        times.append((time.perf_counter() - started) / calls)
    return float(np.median(times))


def device(note: Note, *, tiny: bool) -> None:
    """What the card reaches: copies, and products in three precisions."""
    chip = jax.devices()[0]
    note("device", chip.device_kind)
    note("jax", jax.__version__)
    note("memory limit GiB", (chip.memory_stats() or {}).get("bytes_limit", 0) / 2**30)
    vector = jnp.ones((2**20 if tiny else 2**29,), jnp.float32)
    copy = jax.jit(lambda values: values + 1.0)
    note("copy GB/s", 2e-9 * vector.nbytes / seconds_of(lambda: copy(vector)))
    size = 128 if tiny else 8192
    for precision in ("bfloat16", "float32"):
        matrix = jax.random.normal(jax.random.key(0), (size, size), precision)
        product = jax.jit(lambda values: values @ values)
        rate = 2e-12 * size**3 / seconds_of(functools.partial(product, matrix), 3)
        note(f"{precision} products TFLOP/s", rate)


def depthwise(note: Note, *, tiny: bool) -> None:
    """The convolution and its two gradients, by form, precision and number of paths.

    Notes milliseconds, and for each case the time of reading and writing its arrays
    once at 3 TB/s.
    """
    cases = []
    images = 4 if tiny else 256
    for shape in TINY_SHAPES if tiny else SHAPES:
        for precision, paths in (("bfloat16", 1), ("bfloat16", 3), ("float32", 1)):
            if precision == "float32" and shape != SHAPES[2]:
                continue
            if paths == 3 and shape[0] == 32:
                continue
            cases += _depthwise_cases(shape, images, precision, paths)
    cases.sort(key=lambda case: case[1][2:] != ("bfloat16", 1))
    arrays = {case[1]: make_arrays(*case[1]) for case in cases}
    programs = _compile_all([(case[2], arrays[case[1]]) for case in cases], 60.0, tiny)
    turns.take()
    wanted: dict[Any, jax.Array] = {}
    for (name, key, _), program in zip(cases, programs, strict=True):
        if isinstance(program, str):
            note(name, program)
            continue
        try:
            result = jax.block_until_ready(program(*arrays[key]))
            reference = wanted.setdefault((key, name.split()[-1]), result)
            note(f"{name} error", _relative_error(result, reference))
            note(name, 1e3 * seconds_of(functools.partial(program, *arrays[key])))
        except Exception as error:
            note(name, f"{type(error).__name__}: {error}"[:300])
    for key in arrays:
        nbytes = sum(array.nbytes for array in (arrays[key][0], arrays[key][2]))
        note(f"{_label(*key)} at 3 TB/s", 1e3 * nbytes / 3e12)


Arguments = tuple[jax.Array, jax.Array, jax.Array]  # images, kernel, output's gradient
ArrayKey = tuple[tuple[int, int, int, int], int, str, int]


def _label(shape: tuple[int, ...], images: int, precision: str, paths: int) -> str:
    side, channels, kernel, stride = shape
    return f"{side}x{side}x{channels} k{kernel} s{stride} {precision} paths {paths}"


def make_arrays(
    shape: tuple[int, int, int, int], images: int, precision: str, paths: int
) -> Arguments:
    """Random images, kernel and gradient of the output, with paths in front."""
    side, channels, kernel, stride = shape
    lead = () if paths == 1 else (paths,)
    rows = -(-side // stride)
    shapes = (
        (*lead, images, side, side, channels),
        (*lead, kernel, kernel, channels),
        (*lead, images, rows, rows, channels),
    )
    keys = jax.random.split(jax.random.key(0), 3)
    draws = [
        jax.random.normal(key, each, precision)
        for key, each in zip(keys, shapes, strict=True)
    ]
    return draws[0], draws[1], draws[2]


def _depthwise_cases(
    shape: tuple[int, int, int, int], images: int, precision: str, paths: int
) -> list[tuple[str, ArrayKey, Callable[..., Any]]]:
    _, _, size, stride = shape

    def whole(form: str, images: jax.Array, kernel: jax.Array, gradient: Any) -> Any:
        function = functools.partial(depthwise_conv, stride=stride, implementation=form)
        return jax.vjp(function, images, kernel)[1](gradient)

    def forward(form: str, images: jax.Array, kernel: jax.Array, gradient: Any) -> Any:
        del gradient
        return depthwise_conv(images, kernel, stride=stride, implementation=form)

    def to_images(form: str, images: jax.Array, kernel: Any, gradient: Any) -> Any:
        if form in _OWN:
            return _OWN[form].images_gradient(images.shape, kernel, gradient, stride)
        return whole(form, images, kernel, gradient)[0]

    def to_kernel(form: str, images: jax.Array, kernel: Any, gradient: Any) -> Any:
        if form in _OWN:
            return _OWN[form].kernel_gradient(images, gradient, size, stride)
        return whole(form, images, kernel, gradient)[1]

    parts = {"forward": forward, "to images": to_images, "to kernel": to_kernel}
    key = (shape, images, precision, paths)
    cases: list[tuple[str, ArrayKey, Callable[..., Any]]] = []
    for form in FORMS:
        if form == "shifted":
            continue
        for part, function in parts.items():
            run = functools.partial(function, form)
            mapped = run if paths == 1 else jax.vmap(run)
            cases.append((f"{_label(*key)} {form} {part}", key, mapped))
    return cases


def _compile_all(
    cases: list[tuple[Callable[..., Any], Arguments]], seconds: float, tiny: bool
) -> list[Any]:
    """Programs, side by side; the message for those that fail or are not begun."""
    pool = concurrent.futures.ThreadPoolExecutor(2 if tiny else 8)
    futures = [pool.submit(_compile, *case) for case in cases]
    concurrent.futures.wait(futures, timeout=20 * seconds if tiny else seconds)
    pool.shutdown(wait=True, cancel_futures=True)
    return [
        "not compiled" if future.cancelled() else future.result() for future in futures
    ]


def _relative_error(result: jax.Array, wanted: jax.Array) -> float:
    exact, other = (np.asarray(each, np.float64) for each in (wanted, result))
    return float(np.linalg.norm(other - exact) / np.linalg.norm(exact))


def _compile(function: Callable[..., Any], arguments: Arguments) -> Any:
    try:
        return jax.jit(function).lower(*arguments).compile()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]


def layer_forms(note: Note, *, tiny: bool) -> None:
    """A grouped convolution of 16 channels a group in place of a depth-wise one.

    Sixteen times the arithmetic, on matrix units.
    """
    images = 4 if tiny else 256
    width = 2 if tiny else 16
    for shape in TINY_SHAPES if tiny else SHAPES:
        arguments = make_arrays(shape, images, "bfloat16", 1)
        for part, function in _block_parts(width, shape[3]).items():
            program = _compile(function, arguments)
            name = f"{_label(shape, images, 'bfloat16', 1)} blocks {part}"
            if isinstance(program, str):
                note(name, program)
                continue
            note(name, 1e3 * seconds_of(functools.partial(program, *arguments)))


def _block_parts(width: int, stride: int) -> dict[str, Callable[..., Any]]:
    def conv(images: jax.Array, kernel: jax.Array) -> jax.Array:
        size, _, channels = kernel.shape
        wide = kernel.reshape(size, size, 1, -1, width)
        diagonal = jnp.eye(width, dtype=kernel.dtype)[None, None, :, None, :]
        return lax.conv_general_dilated(
            images,
            (wide * diagonal).reshape(size, size, width, channels),
            window_strides=(stride, stride),
            padding=((size // 2, size // 2),) * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=channels // width,
        )

    return {
        "forward": lambda x, k, g: conv(x, k),
        "to images": lambda x, k, g: jax.vjp(lambda v: conv(v, k), x)[1](g),
        "to kernel": lambda x, k, g: jax.vjp(lambda v: conv(x, v), k)[1](g),
    }
