"""The hot operations: a plain reference, faster forms, one public function each."""

from qnas_jax.kernels.cache import images_at_once
from qnas_jax.kernels.convolution import conv
from qnas_jax.kernels.depthwise import depthwise_conv
from qnas_jax.kernels.dispatch import force_implementation, forced_implementation
from qnas_jax.kernels.materialise import compiler_options, jit_network, materialise

__all__ = [
    "compiler_options",
    "conv",
    "depthwise_conv",
    "force_implementation",
    "forced_implementation",
    "images_at_once",
    "jit_network",
    "materialise",
]
