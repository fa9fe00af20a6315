"""How programs are compiled that run for longer than that takes."""

OPTIMISED = {"xla_backend_optimization_level": 1}
"""For `jax.jit`: tests make machine code quickly (`conftest.py`), which is slow where
hundreds of generations of many seeds run it."""
