"""Vectorised, quantum-inspired neural architecture search in JAX."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qnas_jax.export.loading import load_model

__version__ = "0.1.0"
__all__ = ["load_model"]


def __getattr__(name: str) -> Any:
    """Loads what models need when it is first asked for, as it takes JAX along."""
    if name != "load_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qnas_jax.export.loading import load_model

    return load_model
