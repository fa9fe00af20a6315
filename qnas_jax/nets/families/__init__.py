"""Families of ops: ops that differ in sizes and choices, run as one padded body."""

from qnas_jax.nets.families.family import Family, Member, member_of, says_for_itself
from qnas_jax.nets.families.inverted_residual import LINEAR, InvertedResidual
from qnas_jax.nets.families.norms import Arrays, Norms, norm_arrays
from qnas_jax.nets.families.rows import Field
from qnas_jax.nets.families.series_separable import SeriesSeparables

__all__ = [
    "LINEAR",
    "Arrays",
    "Family",
    "Field",
    "InvertedResidual",
    "Member",
    "Norms",
    "SeriesSeparables",
    "member_of",
    "norm_arrays",
    "says_for_itself",
]
