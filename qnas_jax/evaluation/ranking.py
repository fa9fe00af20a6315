"""How well a supernet ranks a space whose true accuracies are known."""

import pathlib

import numpy as np

from qnas_jax.evaluation.npz_tables import read_arrays


def read_macro_truth(data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads NAS-Bench-Macro: every architecture with its trained accuracy.

    Args:
      data_dir: folder that holds `nas_bench_macro/nas_bench_macro.npz`.

    Returns:
      archs int32 [6561, 8] and the mean test accuracy of three trainings [6561], in
      [0, 1].

    Raises:
      FileNotFoundError: the file is not there.
      ValueError: the file is damaged.
    """
    path = pathlib.Path(data_dir) / "nas_bench_macro" / "nas_bench_macro.npz"
    arrays = read_arrays(
        path,
        ("ops", "test_acc"),
        table="the table of NAS-Bench-Macro",
        source="it is needed to rank (set --config.data.data_dir or QNAS_DATA_DIR)",
    )
    archs, runs = arrays["ops"].astype(np.int32), arrays["test_acc"]
    if archs.shape != (6561, 8) or runs.shape != (6561, 3):
        raise ValueError(
            f"{path}: got ops {archs.shape} and test_acc {runs.shape}, expected "
            "(6561, 8) and (6561, 3)"
        )
    return archs, runs.mean(axis=1) / 100.0


TRUTHS = {"nas_bench_macro": read_macro_truth}


def rank_agreement(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Agreement of two rankings.

    Args:
      scores: float [N], larger is better.
      truth: float [N], larger is better.

    Returns:
      kendall_tau (tau-b, which accounts for ties) and spearman, each in [-1, 1].

    Raises:
      ValueError: one of them is constant or not finite, so there is no ranking.
    """
    from scipy import stats

    for name, values in (("scores", scores), ("truth", truth)):
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            raise ValueError(f"{name}: constant or not finite, expected a ranking")
    return {
        "kendall_tau": float(stats.kendalltau(scores, truth).statistic),
        "spearman": float(stats.spearmanr(scores, truth).statistic),
    }
