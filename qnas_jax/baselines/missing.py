"""Values that series lack: NaN where there is none, NaN at the end of shorter ones.

A classifier gets series whose channels were normalised by the training split, so 0 is
the mean, and stands for what is missing wherever numbers are needed.
"""

import numpy as np


def without_gaps(series: np.ndarray) -> np.ndarray:
    """Series float [N, T, C] with 0, the mean, in place of NaN; the same shape."""
    return np.nan_to_num(series, nan=0.0)


def lengths(series: np.ndarray) -> np.ndarray:
    """Steps up to the last that has a value in some channel.

    Args:
      series: float [N, T, C].

    Returns:
      int32 [N], at least 1.
    """
    known = np.isfinite(series).any(axis=2)  # [N, T]
    after = np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), known.shape[1] - after, 1).astype(np.int32)
