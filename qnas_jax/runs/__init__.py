"""The work folder of a run: its files, rows, checkpoints and lock; progress bars.

Every file is written whole or not at all, and is on the disk before the next step; rows
are appended, so that a killed run loses at most a half-written line.
"""

from qnas_jax.runs.arrays import read_arrays, write_arrays
from qnas_jax.runs.checkpoints import CheckpointOptions, Checkpoints, Saved
from qnas_jax.runs.copied_checkpoints import CopiedCheckpoints
from qnas_jax.runs.environment import environment
from qnas_jax.runs.errors import RunError
from qnas_jax.runs.folder import LAYOUT, WorkFolder
from qnas_jax.runs.json_files import (
    read_json,
    read_object,
    read_sealed,
    write_json,
    write_sealed,
)
from qnas_jax.runs.progress import Progress, ShownProgress, draws_bars, progress
from qnas_jax.runs.rows import (
    DamagedRowError,
    Position,
    RowLog,
    read_rows,
    start_of,
    write_rows,
)
from qnas_jax.runs.tensorboard import LoggingOptions, TensorBoard

__all__ = [
    "LAYOUT",
    "CheckpointOptions",
    "LoggingOptions",
    "TensorBoard",
    "Checkpoints",
    "CopiedCheckpoints",
    "DamagedRowError",
    "Position",
    "Progress",
    "RowLog",
    "RunError",
    "Saved",
    "ShownProgress",
    "WorkFolder",
    "draws_bars",
    "environment",
    "progress",
    "read_arrays",
    "read_json",
    "read_object",
    "read_rows",
    "read_sealed",
    "start_of",
    "write_arrays",
    "write_json",
    "write_rows",
    "write_sealed",
]
