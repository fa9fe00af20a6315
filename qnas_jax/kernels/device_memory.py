"""Memory of the device that computes: how much is free, and when it was too little."""

import jax


def free_bytes() -> float | None:
    """Memory that the first device has left; None where it does not say, as on CPU."""
    stats = jax.devices()[0].memory_stats()
    if not stats or "bytes_limit" not in stats:
        return None
    return float(stats["bytes_limit"] - stats.get("bytes_in_use", 0))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there was too little memory."""
    if isinstance(error, jax.errors.JaxRuntimeError):
        return "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error)
    return isinstance(error, MemoryError)
