"""NAS-Bench-Macro: one training to select by, the two others to report."""

import numpy as np
import pytest

from qnas_jax.evaluation.tables import TableOptions, load_table, load_test
from qnas_jax.evaluation.tables.nas_bench_macro import load_nas_bench_macro


def test_selection_and_report_share_no_training(data_dir):
    options = TableOptions(source="nas_bench_macro", data_dir=str(data_dir))
    table, test = load_table(options), load_test(options)
    with np.load(data_dir / "nas_bench_macro" / "nas_bench_macro.npz") as file:
        archs, runs = file["ops"].astype(np.int32), file["test_acc"]
        params, flops = file["params"], file["flops"]
    places = table.index(archs)
    np.testing.assert_allclose(table.scores()[places], runs[:, 0] / 100, rtol=1e-6)
    np.testing.assert_allclose(table.costs["params_million"][places], params / 1e6)
    np.testing.assert_allclose(table.costs["flops_million"][places], flops / 1e6)
    means = (runs[:, 1] + runs[:, 2]) / 200
    assert test.optimum == pytest.approx(means.max(), rel=1e-6)
    np.testing.assert_allclose(test.open(archs), means, rtol=1e-6)


def test_a_file_with_an_arch_twice_is_refused(tmp_path):
    (tmp_path / "nas_bench_macro").mkdir()
    np.savez(
        tmp_path / "nas_bench_macro" / "nas_bench_macro.npz",
        ops=np.zeros((6561, 8), np.uint8),
        test_acc=np.zeros((6561, 3)),
        params=np.zeros(6561),
        flops=np.zeros(6561),
    )
    with pytest.raises(ValueError, match="an architecture is missing, or is there"):
        load_nas_bench_macro(tmp_path)
