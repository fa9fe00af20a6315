"""Times jitted functions side by side: interleaved passes, medians."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax


def compile_seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Time of the first call, which compiles."""
    started = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - started


def median_seconds(
    functions: Mapping[str, Callable[[], Any]], passes: int
) -> dict[str, float]:
    """Median time of each function over interleaved passes, after its first call."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(passes):
        for name, function in functions.items():
            started = time.perf_counter()
            jax.block_until_ready(function())
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def best_seconds(function: Callable[[], Any], passes: int) -> float:
    """Shortest time of several calls, after a first one."""
    jax.block_until_ready(function())
    times = []
    for _ in range(passes):
        started = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return min(times)
