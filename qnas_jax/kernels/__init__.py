"""The hot operations: a plain reference, faster forms, one public function each."""

from qnas_jax.kernels.adding import add_up
from qnas_jax.kernels.alternating import (
    multi_angle_state,
    qaoa_expectation,
    qaoa_state,
)
from qnas_jax.kernels.cache import images_at_once
from qnas_jax.kernels.clipping import clip
from qnas_jax.kernels.convolution import conv
from qnas_jax.kernels.depthwise import depthwise_conv
from qnas_jax.kernels.dispatch import force_implementation, forced_implementation
from qnas_jax.kernels.folded_block import Clip, FoldedBlock, Gate
from qnas_jax.kernels.inverted_residual import kernels_for_blocks, run_folded
from qnas_jax.kernels.materialise import compiler_options, jit_network, materialise
from qnas_jax.kernels.mixer import rotate_x
from qnas_jax.kernels.normalise import Normalised, normalise
from qnas_jax.kernels.phases import apply_phases, cos_sin
from qnas_jax.kernels.pointwise import pointwise_conv
from qnas_jax.kernels.quadratic import quadratic_diagonal
from qnas_jax.kernels.recurrence import recurrence
from qnas_jax.kernels.series import series_conv, series_depthwise, shifted_views

__all__ = [
    "add_up",
    "Clip",
    "FoldedBlock",
    "Gate",
    "Normalised",
    "apply_phases",
    "clip",
    "compiler_options",
    "conv",
    "cos_sin",
    "depthwise_conv",
    "force_implementation",
    "forced_implementation",
    "images_at_once",
    "jit_network",
    "kernels_for_blocks",
    "materialise",
    "multi_angle_state",
    "normalise",
    "qaoa_expectation",
    "qaoa_state",
    "pointwise_conv",
    "quadratic_diagonal",
    "recurrence",
    "rotate_x",
    "run_folded",
    "series_conv",
    "series_depthwise",
    "shifted_views",
]
