"""Strategies side by side: from rows of many searches to one page."""

from qnas_jax.reporting.comparison.page import Focus, write_comparison

__all__ = ["Focus", "write_comparison"]
