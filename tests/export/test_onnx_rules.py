"""Of jax2onnx's rules those are loaded that models need, and no others."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import jax.numpy as jnp
from qnas_jax.export.onnx_files import to_onnx

content = to_onnx(lambda images: jnp.tanh(images).mean((1, 2)), (2, 2, 1))
assert content
loaded = [name for name in sys.modules if name.startswith("jax2onnx.plugins.")]
assert any(name.startswith("jax2onnx.plugins.jax.") for name in loaded)
assert any(name.startswith("jax2onnx.plugins.flax.") for name in loaded)
assert not [name for name in loaded if "equinox" in name or "examples" in name]
"""


@pytest.mark.slow
def test_rules_for_other_libraries_are_not_loaded():
    pytest.importorskip("jax2onnx")
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=300)
