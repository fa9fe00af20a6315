"""Rank agreement by hand and by counting pairs; the table of NAS-Bench-Macro."""

import itertools

import numpy as np
import pytest
from scipy import stats

from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.evaluation.ranking import read_macro_truth
from qnas_jax.spaces import SpaceOptions, arch_to_string, build_space


def tau_b(first, second):
    """Counts concordant, discordant and tied pairs."""
    pairs = list(itertools.combinations(range(len(first)), 2))
    signs = [
        (np.sign(first[i] - first[j]), np.sign(second[i] - second[j])) for i, j in pairs
    ]
    excess = sum(a * b for a, b in signs)
    untied = [sum(pair[side] != 0 for pair in signs) for side in (0, 1)]
    return excess / np.sqrt(untied[0] * untied[1])


def spearman(first, second):
    """The correlation of the mean ranks."""
    ranks = [
        [np.mean(np.flatnonzero(np.sort(values) == value)) for value in values]
        for values in (first, second)
    ]
    return np.corrcoef(*ranks)[0, 1]


def test_by_hand():
    truth = np.array([0.1, 0.2, 0.3, 0.4])
    same = rank_agreement(np.array([1.0, 2.0, 3.0, 9.0]), truth)
    assert same == pytest.approx({"kendall_tau": 1.0, "spearman": 1.0})
    turned = rank_agreement(-truth, truth)
    assert turned == pytest.approx({"kendall_tau": -1.0, "spearman": -1.0})
    # One pair of six is swapped: (5 - 1) / 6, and 1 - 6 * 2 / (4 * 15).
    swapped = rank_agreement(np.array([1.0, 2.0, 4.0, 3.0]), truth)
    assert swapped == pytest.approx({"kendall_tau": 4 / 6, "spearman": 0.8})
    # A tie in the scores: 5 pairs agree, 1 is tied: 5 / sqrt(5 * 6).
    tied = rank_agreement(np.array([1.0, 2.0, 2.0, 3.0]), truth)
    assert tied["kendall_tau"] == pytest.approx(5 / np.sqrt(30))


@pytest.mark.parametrize("seed", range(3))
def test_equals_counting_with_ties(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 15, 60) / 15
    truth = scores + rng.integers(0, 12, 60) / 8
    found = rank_agreement(scores.astype(np.float32), truth)
    assert found["kendall_tau"] == pytest.approx(tau_b(scores, truth))
    assert found["spearman"] == pytest.approx(spearman(scores, truth))
    assert found["kendall_tau"] == pytest.approx(
        stats.kendalltau(scores, truth, variant="b").statistic
    )


def save_table(folder, **arrays):
    (folder / "nas_bench_macro").mkdir(exist_ok=True)
    path = folder / "nas_bench_macro" / "nas_bench_macro.npz"
    np.savez(path, **arrays)
    return path


def test_a_missing_table_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nas_bench_macro\.npz: no such file"):
        read_macro_truth(str(tmp_path))


@pytest.mark.parametrize("damage", ["short", "empty", "text", "npy", "flip"])
def test_a_damaged_table_is_named(tmp_path, damage):
    zeros = np.zeros((6561, 8), np.uint8)
    path = save_table(tmp_path, ops=zeros, test_acc=np.zeros((6561, 3)))
    whole = path.read_bytes()
    damaged = {
        "short": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"not a table",
        "npy": None,
        "flip": whole.replace(bytes(64), bytes(63) + b"\1", 1),
    }[damage]
    if damaged is None:
        with open(path, "wb") as file:
            np.save(file, zeros)
    else:
        path.write_bytes(damaged)
    with pytest.raises(ValueError, match="npz: not the table of NAS-Bench-Macro") as e:
        read_macro_truth(str(tmp_path))
    assert "\n" not in str(e.value)


def test_a_table_without_the_arrays_is_named(tmp_path):
    save_table(tmp_path, ops=np.zeros((6561, 8), np.uint8))
    with pytest.raises(ValueError, match="not the table .*test_acc"):
        read_macro_truth(str(tmp_path))
    save_table(tmp_path, ops=np.zeros((3, 8), np.uint8), test_acc=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"got ops \(3, 8\), expected \(6561, 8\)"):
        read_macro_truth(str(tmp_path))


def test_real_table(data_dir):
    archs, truth = TRUTHS["nas_bench_macro"](str(data_dir))
    assert archs.shape == (6561, 8) and archs.dtype == np.int32
    assert len(np.unique(archs, axis=0)) == 6561
    best = truth.argmax()
    assert archs[best].tolist() == [2, 2, 2, 1, 2, 2, 0, 2]
    assert truth[best] == pytest.approx(0.9313, abs=5e-5)
    assert truth.min() == pytest.approx(0.4536, abs=5e-4)
    # The indices mean the same in the space that is ranked.
    space = build_space(SpaceOptions(name="nas_bench_macro"), (32, 32, 3), 10)
    with np.load(data_dir / "nas_bench_macro" / "nas_bench_macro.npz") as table:
        names = tuple(table["op_names"].tolist())
    assert space.choices == (names,) * 8


def test_real_table_of_cells(data_dir):
    archs, truth = TRUTHS["nas_bench_201"](str(data_dir))
    assert archs.shape == (15_625, 6) and archs.dtype == np.int32
    assert len(np.unique(archs, axis=0)) == 15_625
    # The best of the benchmark's own table: 91.61 % on the validation set.
    assert truth.max() == pytest.approx(0.9161, abs=5e-5)
    space = build_space(SpaceOptions(name="nas_bench_201"), (32, 32, 3), 10)
    best = arch_to_string(space, archs[truth.argmax()])
    assert best.count("nor_conv_3x3") >= 4
