"""The table of NAS-Bench-201, against the file and against published values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation.nas_bench_201 import (
    DATASETS,
    EPOCHS,
    NUM_OPS,
    index_of_arch,
    load_nas_bench_201,
)


@pytest.fixture(scope="module")
def columns(data_dir):
    with np.load(data_dir / "nas_bench_201" / "nas_bench_201.npz") as table:
        return {name: table[name] for name in table}


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("epochs", EPOCHS)
def test_every_row_is_found_by_its_ops(data_dir, columns, dataset, epochs):
    bench = load_nas_bench_201(data_dir, dataset, epochs)
    archs = columns["ops"].astype(np.int32)
    _, scores = jax.jit(bench.evaluate)(jax.random.key(0), archs)
    expected = columns[f"{dataset}_valid_acc_{epochs}"] / 100
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    for row in (0, 6111, 15624):
        expected = columns[f"{dataset}_test_acc_{epochs}"][row] / 100
        assert bench.test_accuracy(archs[row]) == pytest.approx(expected, rel=1e-6)
    places = np.asarray(index_of_arch(archs))
    seconds = columns[f"{dataset}_train_seconds_200"] * (epochs / 200)
    np.testing.assert_allclose(bench.costs["train_seconds"][places], seconds, rtol=1e-6)
    params = columns[f"{dataset}_params_million"]
    np.testing.assert_array_equal(bench.costs["params_million"][places], params)


def test_published_optimum(data_dir):
    """Validation 91.61, test 94.37: the last of CIFAR-10's best cells."""
    bench = load_nas_bench_201(data_dir)
    best = np.unravel_index(bench.valid.argmax(), NUM_OPS)
    assert bench.valid.max() == pytest.approx(0.9161, abs=5e-5)
    assert bench.test_accuracy(np.array(best)) == pytest.approx(0.9437, abs=5e-5)


def test_index_counts_the_last_edge_fastest():
    archs = jnp.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 0], [4, 4, 4, 4, 4, 4]])
    np.testing.assert_array_equal(index_of_arch(archs), [1, 5, 15624])


def test_only_one_arch_is_tested(data_dir):
    bench = load_nas_bench_201(data_dir)
    for bad in (np.zeros((2, 6), int), np.array([0, 0, 0, 0, 0, 5])):
        with pytest.raises(ValueError, match="expected the numbers of six ops"):
            bench.test_accuracy(bad)


def test_a_missing_table_says_where_it_comes_from(tmp_path):
    with pytest.raises(FileNotFoundError, match="QNAS_DATA_DIR.*NATS-Bench"):
        load_nas_bench_201(tmp_path)


def test_a_damaged_table_is_named(tmp_path):
    file = tmp_path / "nas_bench_201" / "nas_bench_201.npz"
    file.parent.mkdir()
    file.write_bytes(b"PK\x03\x04 not a table")
    with pytest.raises(ValueError, match="not the table of NAS-Bench-201"):
        load_nas_bench_201(tmp_path)


@pytest.mark.parametrize(("dataset", "epochs"), [("mnist", 200), ("cifar10", 90)])
def test_unknown_parts_are_named(tmp_path, dataset, epochs):
    with pytest.raises(ValueError, match=f"{dataset!r} and epochs {epochs}, expected"):
        load_nas_bench_201(tmp_path, dataset, epochs)
