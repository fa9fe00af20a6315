"""Rank agreement by hand and by counting pairs; the table of NAS-Bench-Macro."""

import itertools

import numpy as np
import pytest
from scipy import stats

from qnas_jax.errors import UserError
from qnas_jax.evaluation import TRUTHS, rank_agreement, rank_all, ranking_measures
from qnas_jax.evaluation.truths import read_macro_truth
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


def test_measures_of_five_archs_by_hand():
    truth = np.array([0.5, 0.9, 0.7, 0.6, 0.8])
    scores = np.array([1.0, 3.0, 3.0, 2.0, 0.0])
    # Ten pairs; (1, 2) tied in the scores; concordant: 0-1 0-2 0-3 3-1 3-2, and
    # discordant: 0-4 2-4 3-4; 1-4 is concordant: .9 > .8, 3 > 0. So 6 - 3 = 3.
    found = ranking_measures(scores, truth)
    assert found.tau.tau == pytest.approx(3 / np.sqrt(9 * 10))
    assert found.spearman == pytest.approx(stats.spearmanr(scores, truth).statistic)
    # Of the two best-scored, the first in order is picked; ten are more than all.
    assert (found.pick, found.top_at, found.tied) == (0.9, (1, 2, 3, 0, 4), 2)
    assert found.top_ten == 0.9 and found.failed == 0
    assert found.best_tenth is None  # a tenth of five is one


def test_of_equal_scores_the_first_is_picked():
    truth = np.linspace(0.1, 0.9, 30)
    scores = np.r_[np.zeros(15), np.ones(15)]
    found = ranking_measures(scores, truth)
    assert found.top_at == tuple(range(15, 25)) and found.tied == 15
    assert found.top_ten == truth[24]


def test_the_best_tenth_and_the_best_of_ten():
    rng = np.random.default_rng(0)
    truth = rng.permutation(200) / 200
    scores = truth + rng.normal(0, 0.2, 200)
    found = ranking_measures(scores, truth)
    best = np.argsort(truth)[-20:]
    expected = stats.kendalltau(scores[best], truth[best]).statistic
    assert found.best_tenth is not None
    assert found.best_tenth.tau == pytest.approx(expected)
    order = np.argsort(-scores)
    assert found.pick == truth[order[0]] and found.top_ten == truth[order[:10]].max()


@pytest.mark.parametrize("ties", [1000, 8])
def test_the_standard_error_is_that_of_leaving_each_out(ties):
    rng = np.random.default_rng(ties)
    scores = rng.integers(0, ties, 40).astype(float)
    truth = scores / ties + rng.integers(0, ties, 40) / ties
    found = ranking_measures(scores, truth).tau
    without = [
        stats.kendalltau(np.delete(scores, i), np.delete(truth, i)).statistic
        for i in range(40)
    ]
    error = np.sqrt(39 / 40 * np.sum((without - np.mean(without)) ** 2))
    tau = stats.kendalltau(scores, truth).statistic
    assert found.tau == pytest.approx(tau)
    half = 1.959964 * error / (1 - tau**2)
    np.testing.assert_allclose(
        [found.low, found.high], np.tanh(np.arctanh(tau) + np.array([-half, half]))
    )


def test_the_interval_is_the_bootstraps():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=300)
    scores = truth + rng.normal(size=300)
    draws = [
        stats.kendalltau(scores[drawn], truth[drawn]).statistic
        for drawn in rng.integers(0, 300, (400, 300))
    ]
    found = ranking_measures(scores, truth).tau
    ends = np.quantile(draws, [0.025, 0.975])
    np.testing.assert_allclose([found.low, found.high], ends, atol=0.015)


def test_a_perfect_order_has_no_interval():
    values = np.arange(50.0)
    assert ranking_measures(values, values).tau.low == 1.0
    turned = ranking_measures(-values, values).tau
    assert (turned.tau, turned.low, turned.high) == (-1.0, -1.0, -1.0)


def test_what_failed_is_the_worst():
    truth = np.linspace(0, 1, 40)
    scores = truth.copy()
    scores[:2] = [np.nan, -np.inf]
    found = ranking_measures(scores, truth)
    assert found.failed == 2 and found.tau.tau > 0.99
    scores[-1] = np.nan
    assert ranking_measures(scores, truth).pick == truth[-2]
    same = rank_all({"flat": np.ones(40), "some": scores}, truth)
    assert list(same) == ["some"]


@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], "all values are equal"),
        ([1.0, 2.0, 3.0], [1.0, np.nan, 3.0], "got 3 values, 2 of them finite"),
        ([1.0, 2.0], [1.0, 2.0], "got 2 values, 2 of them finite, expected at least 3"),
    ],
)
def test_what_is_no_ranking_is_refused(scores, truth, message):
    with pytest.raises(UserError, match=message):
        ranking_measures(np.array(scores), np.array(truth))


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
    # The best of the benchmark's own table: 94.37 % on the test set.
    assert truth.max() == pytest.approx(0.9437, abs=5e-5)
    space = build_space(SpaceOptions(name="nas_bench_201"), (32, 32, 3), 10)
    best = arch_to_string(space, archs[truth.argmax()])
    assert best.count("nor_conv_3x3") >= 4
