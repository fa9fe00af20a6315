"""Lines of the README from rows written by hand."""

import numpy as np
import pytest
from scipy import stats

from experiments.comparisons import whole_jobs
from experiments.comparisons.series.published import EUCLIDEAN
from experiments.comparisons.table import comparison_table
from experiments.publishing import readme_results as results
from qnas_jax.reporting.comparison.records import curves_by_task


def test_jobs():
    job = {
        "string": "a|b",
        "test_accuracy": 0.99,
        "parameters": 21_300,
        "macs": 5,
        "test_examples": 359,
        "seconds": {"search": 2.0, "retrain": 3.0},
    }
    other = {**job, "test_accuracy": 0.97, "parameters": 80_000}
    rows = list(whole_jobs.rows_of({**job, "baselines": {"random": other}}, "x", 0))
    job["test_accuracy"] = 0.97
    rows += whole_jobs.rows_of({**job, "baselines": {"random": other}}, "x", 1)
    assert rows[0]["seconds"] == 5.0 and rows[1]["network"] == "random"
    ((_, result),) = results.digits(rows)
    assert result == (
        "winner 98.00 % ± 1.41 (21 k parameters), random 97.00 % ± 0.00 (80 k "
        "parameters); 2 seeds"
    )
    rows += [
        {**row, "network": "random_1", "test accuracy": accuracy}
        for row, accuracy in zip(rows[::2], (0.96, 0.95), strict=True)
    ]
    ((_, result),) = results.digits(rows)
    assert "random subnet 1 of its cost 95.50 % ± 0.71" in result
    assert result.endswith(
        "winner against random ones of its cost: not told apart (+2.50 points, 95 % "
        "interval \u22123.85 to +8.85, p = 0.126)"
    )
    ((_, result),) = results.cifar10(rows[:2])
    assert result.startswith("winner 99.00 % (21 k") and result.endswith("1 seed")


def _job(**tested):
    row = {"seconds": {"search": 1.0}, "test_examples": 9, "string": "a", "macs": 5}
    return {**row, "parameters": 21_300, **tested}


def test_ways_in_equal_time():
    numbers = {"networks": 9, "parameters": 100, "seconds": 8.0, "budget": 10.0}
    rows = [
        {**numbers, "seed": seed, "way": way, "test accuracy": accuracy}
        for way, accuracies in (("supernet", (0.9, 0.92)), ("trained", (0.94, 0.96)))
        for seed, accuracy in enumerate(accuracies)
    ]
    ((what, told),) = results.equal_time(rows)
    assert "in its processor time (10 s)" in what
    # Welch's interval by hand: 4 ± t(2, .975) sqrt(2) = 4 ± 6.09.
    assert told == (
        "supernet 91.00 % ± 1.41 (9 networks), trained 95.00 % ± 1.41 (9 networks); 2 "
        "seeds; trained minus supernet: +4.00 points (95 % interval \u22122.08 to "
        "+10.08)"
    )


def test_jobs_beside_what_has_no_network():
    result = _job(test_accuracy=0.75, test_loss=0.5)
    others = {
        "baselines": {"random_1": _job(test_accuracy=0.5), "lstm": result},
        "classifiers": {"bag_of_words": {"test_accuracy": 0.8125}},
    }
    rows = list(whole_jobs.rows_of({**result, **others}, "sst2", 0))
    ((_, told),) = results.sentences(rows)
    assert told == (
        "winner 75.00 % (21 k parameters), random subnet 1 of its cost 50.00 % (21 k "
        "parameters), LSTM 75.00 % (21 k parameters), bag of words 81.25 %; 1 seed"
    )


def test_jobs_without_an_accuracy():
    """Losses of 2 ln 2 and ln 2 nats are two bits and one."""
    result = _job(test_loss=2 * np.log(2))
    others = {"baselines": {}, "classifiers": {"trigram": {"test_loss": np.log(2)}}}
    rows = list(whole_jobs.rows_of({**result, **others}, "language", 0))
    rows += whole_jobs.rows_of({**_job(test_loss=np.log(2)), **others}, "language", 1)
    ((_, told),) = results.language(rows)
    assert told == (
        "winner 1.500 ± 0.707 (21 k parameters), trigram counts 1.000 ± 0.000; 2 seeds"
    )
    assert whole_jobs.worth_of(rows) is None


def test_series_beside_what_is_published():
    def row(network, accuracy, name):
        return {
            **{"set": name, "seed": 0, "network": network, "macro F1": accuracy},
            **{"test accuracy": accuracy, "parameters": None, "ms": None},
        }

    rows = [
        row(network, accuracy, name)
        for network, accuracy in (("winner", 0.8), ("random_1", 0.7), ("rocket", 0.9))
        for name in EUCLIDEAN
    ]
    rows[0]["parameters"] = 4500
    ((what, told),) = results.series(rows)
    assert what.startswith("25 sets of the UCR archive, 1 seed: mean test accuracy")
    assert told.startswith(
        "ROCKET classifier 90.00 % (rank 1.00, published 93.86), found networks "
        "80.00 % (rank 2.00), random of their cost 70.00 % (rank 3.00). "
        "Found minus random networks of the same cost, over the sets: +10.00 points"
    )


def _curve(strategy, seed, value):
    return {
        "strategy": strategy,
        "task": "cifar10",
        "seed": seed,
        "budgets": [50, 100],
        "test": [0.5, value],
        "first_top": None,
        "optimum": 0.95,
    }


def test_comparison_and_protocol():
    rows = [
        _curve("random", 0, 0.90),
        _curve("random", 1, 0.92),
        _curve("hamiltonian", 0, 0.94),
        _curve("hamiltonian (QAOA)", 0, 0.93),
        {"strategy": "random", "transfer": {"cifar10": 0.90}},
        {"strategy": "random", "transfer": {"cifar10": 0.92}},
    ]
    (what, result), (_, protocol) = results.comparison(rows)
    assert what.startswith("2 strategies in 3 settings")
    assert what.endswith("optimum 95.00")
    assert result == "hamiltonian 94.00 (1), random 91.00 (2)"
    assert protocol.startswith("random 91.00 ± 1.41 (published 93.70 ± 0.36 /")


def test_the_table_of_all_strategies_by_hand():
    rows = [
        _curve("random", 0, 0.90),
        _curve("random", 1, 0.92),
        {**_curve("better", 0, 0.94), "first_top": 7.0},
        {**_curve("better", 1, 0.94), "first_top": 9.0},
        {**_curve("short", 0, None), "first_top": 3.0},
        {**_curve("short", 1, None), "first_top": 3.0},
    ]
    lines = comparison_table(curves_by_task(rows), (50, 100)).splitlines()
    assert lines[0] == (
        "| strategy | cifar10, 50 | cifar10, 100 | top 1 % | searches |"
    )
    rows = {line.split("|")[1].strip(): line for line in lines[2:]}
    assert rows["better"] == "| better | 50.00 ± 0.00 | 94.00 ± 0.00 | 8 | 2 |"
    assert rows["random"] == "| random | 50.00 ± 0.00 | 91.00 ± 1.41 | inf | 2 |"
    assert rows["short"] == "| short | 50.00 ± 0.00 | - | 3 | 2 |"


def test_the_table_says_what_strategies_act_by():
    """And shows where one was not run."""
    rows = [_curve(name, seed, 0.9) for name in "ab" for seed in (0, 1)]
    rows += [{**_curve("a", seed, 0.7), "task": "other"} for seed in (0, 1)]
    text = comparison_table(curves_by_task(rows), (100,), {"a": "gates"})
    lines = text.splitlines()
    assert lines[0] == (
        "| strategy | acts by | cifar10, 100 | other, 100 | top 1 % | searches |"
    )
    assert lines[2] == "| a | gates | 90.00 ± 0.00 | 70.00 ± 0.00 | inf / inf | 2 |"
    assert lines[3] == "| b | - | 90.00 ± 0.00 | - | inf / - | 2 |"


def test_searches_name_the_largest_program_and_the_memory():
    name = "largest program is faster by"
    rows = [
        {"form": "one program, 10 searches", "seconds": 1.0, name: 2.0, "passes": 3},
        {"form": "one program, 99 searches", "seconds": 0.5, name: 1.0, "passes": 3},
        {"form": "NumPy, many", "seconds": 2.0, name: 1.46, "passes": 3},
        {"form": "NumPy, arrays", "seconds": 2.0, name: 71.4, "passes": 3},
        {
            "searches": 1000,
            "seconds": 3.2,
            "peak MiB before": 10.0,
            "peak MiB after": 37.0,
        },
    ]
    ((_, result),) = results.searches(rows)
    assert result == (
        "one program, 99 searches: 0.50 s; 1.5 x NumPy, many; 71 x NumPy, arrays "
        "(medians of 3 passes); "
        "1,000 searches in chunks: 3.2 s, 27 MiB more"
    )


def test_proxies_are_ordered_by_their_correlation():
    rows = [
        {"proxy": "a", "archs": 5, "spearman test": -0.2, "published": None},
        {"proxy": "b", "archs": 5, "spearman test": 0.777, "published": 0.74},
    ]
    ((_, result),) = results.proxies(rows)
    assert result == "b 0.78 (published 0.74), a -0.20"


def test_hamiltonian_at_the_largest_budget_up_to_100():
    rows = [
        {"strategy": name, "evaluations": count, "mean": mean, "std": 0.1, "seeds": 7}
        for name, mean in (("random", 93.0), ("other", 1.0))
        for count in (50, 100, 200)
    ]
    ((what, result),) = results.hamiltonian(rows)
    assert "after 100 evaluations (7 searches)" in what
    assert result == "random 93.00 ± 0.10"


@pytest.mark.parametrize("peers", [0, 2])
def test_simulators_beside_the_fastest(peers):
    others = [("slow", 90.0), ("fast", 30.0)][:peers]
    rows = [
        {"case": "value-20", "circuit": "ladder", "qubits": 20, "task": "value"}
        | {"simulator": name, "ms": ms}
        for name, ms in [("ours", 10.0), *others]
    ]
    tail = " (3 x as fast as fast)" if peers else ""
    ((what, result),) = results.statevector(rows)
    assert what.endswith("beside the fastest of fast, slow" if peers else "qubits")
    assert result == f"value-20 10 ms{tail}"
    ((_, result),) = results.circuits([*rows, {**rows[0], "task": "gradient", "ms": 1}])
    assert result == f"ladder-20 10 ms{tail}"


def test_scoring():
    ratios = {"ours": 1.0, "generation 50": 6.94, "vmap": 0.1, "PyTorch cl": 0.75}
    rows = [
        {"space": "digits", "form": form, "ratio to ours": ratio}
        for form, ratio in ratios.items()
    ]
    rows[0] |= {"subnet-images/s": 572.9, "share of the matrix rate": 0.497}
    ((what, result),) = results.scoring(rows)
    assert what.endswith("`digits`")
    assert result == (
        "573 subnet-images/s, 0.50 of the matrix rate, generation 50: 6.9 x, 1.33 x "
        "PyTorch cl"
    )


def test_summary_of_one_job_has_no_deviation():
    row = {"network": "winner", "test accuracy": 0.5, "parameters": 1, "seconds": 2.0}
    (line,) = whole_jobs.summarise([row])
    assert line["sd"] is None and np.isclose(line["test accuracy %"], 50)


def test_whole_jobs_end_in_one_sentence():
    def row(seed, network, accuracy):
        return {"seed": seed, "network": network, "test accuracy": accuracy}

    winners, picks = [0.66, 0.69, 0.66], [(0.62, 0.64), (0.65, 0.65), (0.66, 0.62)]
    rows = []
    for seed, (winner, (first, second)) in enumerate(zip(winners, picks, strict=True)):
        rows += [row(seed, "winner", winner), row(seed, "largest", 0.9)]
        rows += [row(seed, "random_1", first), row(seed, "random_2", second)]
    found = whole_jobs.worth_of(rows)
    expected = stats.ttest_rel(winners, np.mean(picks, axis=1))
    assert found is not None and found.picks == 3
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.difference == pytest.approx(0.03)
    assert whole_jobs.worth_of(rows[:2]) is None


def test_jobs_on_running_text_are_compared_by_losses():
    def job(winner, pick):
        cost = {"string": "a|b", "parameters": 1, "macs": 2}
        others = {"random_1": {"test_loss": pick, **cost}}
        told = {"test_examples": 5, "seconds": {"search": 1.0}, "baselines": others}
        return {"test_loss": winner, **cost, **told}

    losses = [(1.5, 1.75), (1.25, 1.75), (1.5, 1.5)]
    rows = [
        row
        for seed, each in enumerate(losses)
        for row in whole_jobs.rows_of(job(*each), "language", seed)
    ]
    winner, pick = whole_jobs.summarise(rows)
    assert winner["test loss"] == pytest.approx(4.25 / 3)
    assert pick["sd"] == pytest.approx(np.std([1.75, 1.75, 1.5], ddof=1))
    found = whole_jobs.worth_of(rows)
    expected = stats.ttest_rel(*zip(*losses, strict=True))
    assert found.difference == pytest.approx(0.25)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert "loses less a token than random picks of its cost: +0.2500 nats (95 %" in (
        found.sentence
    )
