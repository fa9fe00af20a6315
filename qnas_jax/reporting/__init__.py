"""From the rows of a work folder to figures and one page that opens anywhere."""

from qnas_jax.reporting.report import write_report

__all__ = ["write_report"]
