"""Experiments whose networks are trained from scratch, on six tiny networks."""

import dataclasses

import numpy as np
import pytest

from experiments.benches import population
from experiments.comparisons import small_benchmark, trained_candidates
from experiments.comparisons.small_kinds import KINDS, Kind
from experiments.comparisons.small_tables import summarise
from qnas_jax import data
from qnas_jax.evaluation.tables.own_table import (
    OwnTableOptions,
    load_own_table,
    load_own_test,
)
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.spaces import SPACES, NetworkSpace, chain, fixed, op
from qnas_jax.tasks import ImageTraining
from qnas_jax.training import PopulationTraining, TrainingOptions

DATA = data.DataOptions(max_train=64, max_valid=40, max_test=40)


@pytest.mark.slow
def test_a_whole_space_becomes_a_table(tiny_space, tmp_path, monkeypatch):
    """Half of it first, then the rest; and the table is one that searches read."""
    options = TrainingOptions(epochs=2, batch_size=32, learning_rate=0.1)
    kind = Kind(tiny_space, DATA, options, short=1, task=ImageTraining(flip=True))
    benchmark = small_benchmark.load_benchmark(kind)
    asked: list[int] = []
    train = PopulationTraining.train

    def counted(self, candidates, *arguments, **rest):
        asked.append(len(candidates))
        train(self, candidates, *arguments, **rest)

    monkeypatch.setattr(PopulationTraining, "train", counted)
    told: list[tuple[int, int]] = []
    training = small_benchmark.training_of(benchmark)
    monkeypatch.setattr(small_benchmark, "training_of", lambda benchmark: training)
    small_benchmark.run(benchmark, tmp_path, networks=3, seeds=2)
    rows = small_benchmark.run(
        benchmark, tmp_path, seeds=2, tell=lambda *each: told.append(each)
    )
    # Three networks by two seeds and two lengths, a call each; then the other three.
    assert asked == [3] * 8 and told == [(done, 24) for done in range(13, 25)]
    columns = OwnTableOptions(
        file=str(tmp_path / "table.csv"),
        arch_columns=("op_*",),
        op_names="; ".join(", ".join(names) for names in benchmark.space.choices),
        validation_columns="1: short_valid_*; 2: valid_*",
        test_columns=("test_*",),
        seconds_columns="1: short_seconds; 2: seconds",
        cost_columns=("params", "macs"),
    )
    table, test = load_own_table(columns), load_own_test(columns)
    assert table.space.choices == benchmark.space.choices
    short, values = table.validation
    assert values.shape == short.shape == (6, 2)
    assert np.isfinite(values).all() and np.isfinite(short).all()
    assert not np.array_equal(short, values)
    assert "short_test_0" not in rows[0]
    archs = np.array(
        [
            [
                names.index(row[f"op_{layer}"])
                for layer, names in enumerate(benchmark.space.choices, start=1)
            ]
            for row in rows
        ]
    )
    wanted = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    seen = values[index_of(table.space, archs)]
    for seed in range(2):
        np.testing.assert_allclose(seen[:, seed], wanted[f"valid_{seed}"], rtol=1e-5)
    assert sorted(table.costs["params"]) == sorted(wanted["params"])
    means = (wanted["test_0"] + wanted["test_1"]) / 2
    np.testing.assert_allclose(test.open(archs), means, rtol=1e-5)
    small_benchmark.run(benchmark, tmp_path, seeds=2)
    assert asked[8:] == []


@pytest.mark.parametrize("name", KINDS)
def test_kinds_have_small_spaces_of_their_own_data(name):
    kind = KINDS[name]
    assert data.SOURCES[kind.source.source].kind == name
    assert 0 <= kind.short < kind.training.epochs


def test_what_networks_and_what_seeds_explain():
    rows = [
        {"valid_0": 0.9, "valid_1": 0.8, "test_0": 0.5, "test_1": 0.5},
        {"valid_0": 0.7, "valid_1": 0.6, "test_0": 0.25, "test_1": 0.5},
        {"valid_0": None, "valid_1": 0.6, "test_0": 0.25, "test_1": 0.5},
    ]
    valid, test = summarise(rows, 2)
    assert valid["networks"] == 2 and test["networks"] == 3
    assert valid["accuracy %"] == pytest.approx(75)
    assert valid["sd over networks"] == pytest.approx(np.std([85, 65], ddof=1))
    assert valid["sd over seeds"] == pytest.approx(np.std([90, 80], ddof=1))
    assert valid["correlation of two seeds"] == pytest.approx(1)
    assert test["correlation of two seeds"] is None  # one of them is constant


@pytest.mark.slow
def test_together_and_alone_train_the_same_networks(tiny_space):
    rows = list(
        population.run(
            tiny_space,
            networks=2,
            options=TrainingOptions(epochs=2, learning_rate=0.1),
            alone=1,
            forms=["switch"],
            source=DATA,
        )
    )
    alone, together = rows
    assert alone["ratio"] == 1 and together["way"] == "switch"
    for row in rows:
        assert 0 < row["compiling s"] < row["seconds"] and 0 <= row["accuracy"] <= 1
    ratio = alone["seconds"] / together["seconds"]
    assert together["ratio"] == pytest.approx(ratio)


@pytest.mark.slow
def test_running_text_is_trained_likewise(monkeypatch):
    def few_tokens(shape, classes, words):
        ops = (op("conv", "text_conv", causal=True), op("skip", "text_skip"))
        return NetworkSpace(
            name="few_tokens",
            layers=chain(8, [(8, 1)], ops),
            stem=(fixed(shape[-1], 8, 1, "text_embedding", words=words),),
            head=(fixed(8, classes, 1, "text_logits"),),
            input_shape=shape,
            num_classes=classes,
        )

    monkeypatch.setitem(SPACES, "few_tokens", few_tokens)
    sizes = {"max_tokens": 8, "max_train": 64, "max_valid": 32}
    alone, together = population.run(
        "few_tokens",
        networks=2,
        options=TrainingOptions(epochs=1, batch_size=32, learning_rate=0.1),
        alone=1,
        forms=["switch"],
        source=dataclasses.replace(population.data_options("coriolanus"), **sizes),
    )
    for row in (alone, together):
        assert 1 < row["loss"] < 6 and "accuracy" not in row


@pytest.mark.slow
def test_a_search_ends_when_its_time_is_over(tiny_space):
    """Not before the highest rung was reached; the best there wins."""
    config = trained_candidates.digits_trained.get_config()
    on_few_digits(config, tiny_space)
    config.search.strategy = "hyperband"
    config.train.update(epochs=2, fidelities=(1,))
    found = trained_candidates.by_training(config, budget=0.0)
    # Rungs of two generations at one epoch and one of two epochs; repeats are free.
    assert 3 <= found.networks <= 6 and found.seconds > 0
    assert found.score is not None and found.score < 0 and len(found.arch) == 2


@pytest.mark.slow
def test_all_ways_keep_the_budget_and_have_the_score(tiny_space, monkeypatch):
    """Six networks of 2,170 to 4,666 parameters, of which three keep the budget."""
    supernet = trained_candidates.Found((0, 0), -0.5, 3, 0.0)
    monkeypatch.setattr(trained_candidates, "by_supernet", lambda config: supernet)
    trained: set[tuple[int, ...]] = set()
    train = PopulationTraining.train

    def watched(self, candidates, *arguments, **rest):
        trained.update(each.arch for each in candidates)
        train(self, candidates, *arguments, **rest)

    monkeypatch.setattr(PopulationTraining, "train", watched)

    def change(config):
        on_few_digits(config, tiny_space)
        config.constraints.max_params = 4_000

    (rows,) = trained_candidates.run([0], epochs=2, retrainings=1, change=change)
    assert [row["way"] for row in rows] == [
        "supernet",
        "trained",
        "trained, hyperband",
        "random of its cost",
    ]
    assert trained <= {(0, 0), (2, 0), (2, 1)} and len(trained) > 1
    assert {row["parameters"] for row in rows} <= {3_642, 2_170, 2_682}
    assert rows[3]["arch"] != rows[0]["arch"] and rows[3]["score"] is None
    # A cross entropy of ten classes after two epochs, not an accuracy.
    assert all(-5 < row["score"] < -0.5 for row in rows[1:3])


def on_few_digits(config, space):
    """Makes a configuration's job small."""
    config.space.name = space
    config.data.update(max_train=64, max_valid=40, max_test=40)
    config.search.population = 2
    config.hyperband.eta = 2
    config.train.batch_size = config.retrain.batch_size = 32
    config.retrain.epochs = 2
    config.retrain.warmup_epochs = 0.0


def test_ways_are_held_against_the_supernet():
    rows = [
        {"way": way, "test accuracy": accuracy, "parameters": 10, "networks": 2}
        | {"seconds": 3.0}
        for way, accuracies in (("supernet", (0.5, 0.7)), ("trained", (0.8, 0.9)))
        for accuracy in accuracies
    ]
    reference, trained = trained_candidates.summarise(rows)
    assert reference["low"] is None and reference["difference"] == 0
    assert trained["difference"] == pytest.approx(25)
    # Welch: variances 200 / 2 and 50 / 2, so 125 in all, 1.47 degrees of freedom.
    half = 6.18811 * np.sqrt(125)
    assert trained["high"] - 25 == pytest.approx(25 - trained["low"])
    assert trained["high"] - 25 == pytest.approx(half, rel=1e-5)
