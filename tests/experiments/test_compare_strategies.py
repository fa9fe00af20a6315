"""The comparison of strategies, tiny."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from experiments.comparisons import published_protocol
from experiments.comparisons import strategies as experiment
from experiments.comparisons.contestants import (
    CONTESTANTS,
    LEFT_OUT,
    PEERS,
    REFERENCE,
    SHOWN,
    Contestant,
)
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import TableOptions, load_table, query_costs
from qnas_jax.reporting.comparison import write_comparison
from qnas_jax.searching import STRATEGIES, Generation, SearchOptions
from qnas_jax.searching.many import search_seeds


def test_every_strategy_is_compared_or_left_out_with_a_reason():
    names = {one.options["strategy"] for one in CONTESTANTS.values() if not one.peer}
    assert names | set(LEFT_OUT) == set(STRATEGIES)
    assert not names & set(LEFT_OUT) and all(LEFT_OUT.values())
    assert {REFERENCE, *PEERS, *SHOWN} <= set(CONTESTANTS)


def test_the_reference_is_the_default_strategy():
    assert CONTESTANTS[REFERENCE].options["strategy"] == SearchOptions().strategy


def test_rows_and_page(data_dir, tmp_path, monkeypatch):
    small = {
        "a": Contestant({"strategy": "random", "population": 10}, evaluations=60),
        "b": Contestant({"strategy": "qudit", "population": 5}, evaluations=40),
        "c": Contestant(peer="tpe", evaluations=40, seeds=2),
    }
    monkeypatch.setattr(experiment, "CONTESTANTS", small)
    rows = list(experiment.run(list(small), ["cifar10"], 3, str(data_dir)))
    rows += published_protocol.run_published(["random"], 2, str(data_dir))
    assert [row["strategy"] for row in rows] == ["a"] * 3 + ["b"] * 3 + [*"cc"] + (
        ["random"] * 2
    )
    at = list(experiment.BUDGETS).index
    for row in rows[:3]:
        assert row["test"][at(60)] is not None and row["test"][at(80)] is None
        assert np.all(np.diff(row["validation"][: at(80)]) >= 0)
        assert 0.3 < row["test"][at(60)] <= row["optimum"] < 0.944
    assert rows[3]["test"][at(60)] is None
    assert set(rows[-1]["transfer"]) == set(experiment.DATASETS)
    assert 80 < rows[-1]["evaluations"] < 130
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    focus = experiment.Focus("b", ("a",), ("a", "b"), (20, 40), (40,))
    page = write_comparison(file, tmp_path, focus).read_text("utf-8")
    assert "b is" in page and "cifar10" in page


def test_first_of_the_top_by_hand(data_dir):
    """A search that meets the best arch third has waited for three evaluations."""
    table = load_table(TableOptions(data_dir=str(data_dir)))
    order = np.argsort(table.scores())
    archs = table.archs(order[[0, 1, -1, 2]])[None, :, None]
    seen = Generation(archs, np.zeros((1, 4, 1)), np.full((1, 4, 1), 1))
    assert experiment._first_top(table, seen, np.ones((1, 4))) == [3.0]
    costs = np.array([[0.06, 1.0, 0.06, 1.0]])
    np.testing.assert_allclose(experiment._first_top(table, seen, costs), [1.12])
    never = Generation(archs[:, :2], np.zeros((1, 2, 1)), np.full((1, 2, 1), 1))
    assert experiment._first_top(table, never, np.ones((1, 2))) == pytest.approx(np.inf)


def test_settings_of_the_published_protocol():
    """Those of the scripts that were published with the table."""
    evolution = published_protocol.SETTINGS["regularised evolution"]
    assert evolution.population == 1
    assert (evolution.options.parents, evolution.options.tournament) == (10, 3)
    policy = published_protocol.SETTINGS["reinforce"]
    assert (policy.options.learning_rate, policy.population) == (0.5, 1)
    assert set(published_protocol.PUBLISHED) < set(published_protocol.SETTINGS)


def test_validation_takes_time_in_the_published_protocol(data_dir):
    """All archs that fit into 12,000 s, and not one more."""
    table = load_table(TableOptions(data_dir=str(data_dir)))
    random = published_protocol.SETTINGS["random"]
    best = published_protocol._search(random, table, 1)
    assert best.spent[0, 0] <= 12_000 and best.exhausted[0, 0]
    keys = jax.vmap(jax.random.key)(np.arange(1))
    lookup = ScoredBy(table.evaluator(table.fidelities[0]))
    seen = search_seeds(random.make(table.num_ops, 200), lookup, keys, 200)
    seconds = table.seconds(table.fidelities[0])[table.index(seen.archs.reshape(-1, 6))]
    spent = np.cumsum(seconds * (1 + 1 / 36))
    assert best.evaluations[0, 0] == np.sum(spent <= 12_000)


def test_tables_of_one_fidelity(data_dir):
    """Successive halving has nothing to choose there; others search all tables."""
    table = load_table(experiment.table_options("nas_bench_macro", str(data_dir)))
    left = [
        name
        for name, one in CONTESTANTS.items()
        if not experiment._can_search(one, table)
    ]
    assert left == ["successive halving", "hyperband"]
    assert table.name.startswith("nas_bench_macro")


def test_repeats_that_are_free(data_dir):
    """Evolution that keeps scores is as far as more evaluations without."""
    table = load_table(TableOptions(data_dir=str(data_dir)))
    evolution = CONTESTANTS["regularised evolution (repeats free)"]
    small = dataclasses.replace(evolution, evaluations=100)
    seen = experiment.evaluate_all(small, table, 2, 100)
    fresh = query_costs(seen, count_repeats=False)
    assert np.all(fresh.sum(axis=1) < fresh.shape[1])  # there are repeats
    _, scores, _ = experiment.best_found(small, table, 2)
    place = int(np.flatnonzero(np.cumsum(fresh[0]) <= 100)[-1])
    at = [budget for budget in experiment.BUDGETS if budget <= 100].index(100)
    assert scores[0, at] == seen.scores[0].reshape(-1)[: place + 1].max()


def test_what_contestants_act_by():
    """As their options say: only circuits that are run count."""
    acts = {name: one.acts_by for name, one in CONTESTANTS.items()}
    assert acts["qbit"] == acts["hamiltonian (Grover)"] == "gates on amplitudes"
    assert acts["hamiltonian"] == "classical; circuits by option"
    assert acts["memory registers"] == acts["TPE (Optuna)"] == "classical"
