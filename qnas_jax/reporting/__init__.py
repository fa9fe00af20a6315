"""From the rows of a work folder to figures and one page that opens anywhere."""

from qnas_jax.reporting.intervals import intervals
from qnas_jax.reporting.ranking_table import ranking_lines
from qnas_jax.reporting.report import write_report
from qnas_jax.reporting.worth import (
    Worth,
    share_beaten,
    worth_of_truth,
    worth_of_winner,
    worth_over_runs,
)

__all__ = [
    "Worth",
    "intervals",
    "ranking_lines",
    "share_beaten",
    "worth_of_truth",
    "worth_of_winner",
    "worth_over_runs",
    "write_report",
]
