"""NAS-Bench-201, against the file and against published values."""

import jax
import numpy as np
import pytest

from qnas_jax.evaluation.tables import DATASETS, TableOptions, load_table, load_test
from qnas_jax.evaluation.tables.nas_bench_201 import (
    EPOCHS,
    SPACE,
    load_nas_bench_201,
    load_nas_bench_201_test,
)
from qnas_jax.spaces import CELL_OPS

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def columns(data_dir):
    with np.load(data_dir / "nas_bench_201" / "nas_bench_201.npz") as table:
        return {name: table[name] for name in table}


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_row_is_found_by_its_ops(data_dir, columns, dataset):
    table = load_nas_bench_201(data_dir, dataset)
    archs = columns["ops"].astype(np.int32)
    for epochs in EPOCHS:
        scores = jax.jit(table.evaluator(epochs))(KEY, archs).metrics["validation"]
        expected = columns[f"{dataset}_valid_acc_{epochs}"] / 100
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
        seconds = columns[f"{dataset}_train_seconds_200"] * (int(epochs) / 200)
        found = table.seconds(epochs)[table.index(archs)]
        np.testing.assert_allclose(found, seconds, rtol=1e-6)
    for name in ("params_million", "flops_million"):
        found = table.costs[name][table.index(archs)]
        np.testing.assert_array_equal(found, columns[f"{dataset}_{name}"])
    test = load_nas_bench_201_test(data_dir, dataset)
    expected = columns[f"{dataset}_test_acc_200"] / 100
    np.testing.assert_allclose(test.open(archs), expected, rtol=1e-6)


def test_single_runs_are_those_of_the_file(data_dir, columns):
    """By loops over the file's rows: run k, modulo the number of runs."""
    table = load_nas_bench_201(data_dir)
    places = table.index(columns["ops"].astype(np.int32))
    offsets, values = columns["seed_offsets"], columns["cifar10_valid_acc_200_per_seed"]
    scores = [table.scores("200", seed)[places] for seed in range(3)]
    two, three = 0, 0
    for row in range(0, 15625, 25):
        runs = values[offsets[row] : offsets[row + 1]] / 100
        found = [column[row] for column in scores]
        np.testing.assert_allclose(found, [runs[k % len(runs)] for k in range(3)])
        two += len(runs) == 2
        three += len(runs) == 3
    assert two > 100 and three > 100
    assert (columns["num_seeds"] == np.diff(offsets)).all()


def test_published_optima(data_dir, columns):
    """94.37, 73.51 and 47.31 %; of CIFAR-10 the best by validation too, index 6111."""
    best = {"cifar10": 0.9437, "cifar100": 0.7351, "imagenet16_120": 0.4731}
    for dataset, accuracy in best.items():
        test = load_test(TableOptions(dataset=dataset, data_dir=str(data_dir)))
        assert test.optimum == pytest.approx(accuracy, abs=5e-5)
    options = TableOptions(data_dir=str(data_dir))
    table = load_table(options)
    assert table.scores().max() == pytest.approx(0.9161, abs=5e-5)
    cell = columns["ops"][6111].astype(np.int32)
    assert table.scores()[table.index(cell)] == pytest.approx(0.9161, abs=5e-5)
    final = np.stack([table.archs(table.scores().argmax()), cell])
    np.testing.assert_allclose(load_test(options).open(final), 0.9437, atol=5e-5)


def test_latencies_of_the_devices(data_dir, columns):
    table = load_nas_bench_201(data_dir, "cifar100")
    with np.load(data_dir / "nas_bench_201" / "latency_ms.npz") as file:
        devices, latency = file["devices"].tolist(), file["latency_ms"]
    places = table.index(columns["ops"].astype(np.int32))
    assert len(table.costs) == 2 + len(devices) == 29
    for device in ("raspi4", "eyeriss", "1080ti_256"):
        found = table.costs[f"latency_ms/{device}"][places]
        np.testing.assert_array_equal(found, latency[:, devices.index(device)])


def test_single_runs_that_hold_test_images_are_refused(data_dir):
    """Of CIFAR-100 and ImageNet only runs on the whole test set are recorded."""
    for dataset in DATASETS[1:]:
        table = load_nas_bench_201(data_dir, dataset)
        for seed in (0, "random"):
            with pytest.raises(ValueError, match="only means over training runs at"):
                table.evaluator("200", seed)
            table.evaluator("12", seed)
        with pytest.raises(ValueError, match="only means"):
            table.multi_fidelity_evaluator("random")
    with pytest.raises(ValueError, match="only means"):
        load_table(TableOptions(dataset="cifar100", seed="1", data_dir=str(data_dir)))


def test_a_missing_table_says_where_it_comes_from(tmp_path):
    for load in (load_nas_bench_201, load_nas_bench_201_test):
        with pytest.raises(FileNotFoundError, match="QNAS_DATA_DIR.*NATS-Bench"):
            load(tmp_path)


def test_a_damaged_table_is_named(tmp_path):
    file = tmp_path / "nas_bench_201" / "nas_bench_201.npz"
    file.parent.mkdir()
    file.write_bytes(b"PK\x03\x04 not a table")
    with pytest.raises(ValueError, match="not the table of NAS-Bench-201"):
        load_nas_bench_201(tmp_path)


def small_file(folder, **changes):
    """A file of the right form, all numbers zero."""
    ops = np.stack(np.unravel_index(np.arange(SPACE.size), SPACE.num_ops), axis=1)
    names = [f"cifar10_valid_acc_{epochs}" for epochs in EPOCHS]
    names += [f"cifar10_{name}_million" for name in ("params", "flops")]
    names += ["cifar10_train_seconds_200"]
    arrays = {
        "ops": ops.astype(np.uint8),
        "op_names": np.array(CELL_OPS),
        **{name: np.zeros(SPACE.size) for name in names},
        "seed_offsets": np.arange(SPACE.size + 1),
        "cifar10_valid_acc_200_per_seed": np.zeros(SPACE.size),
    }
    (folder / "nas_bench_201").mkdir(exist_ok=True)
    np.savez(folder / "nas_bench_201" / "nas_bench_201.npz", **{**arrays, **changes})


def test_a_file_of_another_form_is_named(tmp_path):
    small_file(tmp_path)
    assert load_nas_bench_201(tmp_path).scores().max() == 0
    zeros = np.zeros((SPACE.size, 6), np.uint8)
    for changes, message in [
        ({"ops": zeros}, "an architecture is missing, or is there twice"),
        ({"ops": zeros[:, :5]}, "architecture: got shape"),
        ({"op_names": np.array(CELL_OPS[::-1])}, "got ops .* of avg_pool_3x3"),
        ({"cifar10_valid_acc_12": np.zeros(3)}, "expected"),
        ({"seed_offsets": np.arange(9)}, r"got seed_offsets \(9,\) and 15625"),
        ({"seed_offsets": np.zeros(SPACE.size + 1, int)}, "got seed_offsets"),
    ]:
        small_file(tmp_path, **changes)
        with pytest.raises(ValueError, match=message):
            load_nas_bench_201(tmp_path)


def test_an_unknown_data_set_is_named(tmp_path):
    for load in (load_nas_bench_201, load_nas_bench_201_test):
        with pytest.raises(ValueError, match="dataset: got 'mnist', expected one of"):
            load(tmp_path, "mnist")
