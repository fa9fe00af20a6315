"""Strategies side by side: from rows of many searches to one page."""

from qnas_jax.reporting.comparison.page import write_comparison

__all__ = ["write_comparison"]
