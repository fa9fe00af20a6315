"""Parts of the package from Python: evaluators, costs, data, solvers, lists."""

import itertools
import json

import numpy as np
import pytest

import qnas_jax as qnas
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.spaces.registry import BUILT_IN


def write_table(path):
    rows = ["a,b,valid,test"]
    for left, right in itertools.product("xyz", "uv"):
        worth = {"x": 1.0, "y": 3.0, "z": 2.0}[left] + 0.5 * (right == "v")
        rows.append(f"{left},{right},{worth},{worth + 10}")
    path.write_text("\n".join(rows) + "\n")
    return {
        "source": "file",
        "file": str(path),
        "arch_columns": ("a", "b"),
        "validation_columns": "valid",
        "test_columns": ("test",),
        "seconds_columns": "",
        "cost_columns": (),
    }


def test_a_table_of_your_own_is_searched(tmp_path):
    table = qnas.make_evaluator("table", **write_table(tmp_path / "mine.csv"))
    found = qnas.search(table.space, table, budget=6)
    assert (found.best, found.best_value) == (("y", "v"), 3.5)
    assert len(found) == 6


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("tabel", {}, "evaluator: got 'tabel', allowed: one of table"),
        ("function", {}, "evaluator: got 'function', allowed"),
        ("proxy", {"nmes": ()}, "proxy.nmes: got .*, allowed: one of names"),
        ("proxy", {"names": ("none",)}, "proxy.names: got"),
        ("proxy", {}, "space: got None, expected one for the evaluator proxy"),
        ("table", {"source": "file"}, "table.file: got ''"),
    ],
)
def test_evaluators_that_cannot_be_made(name, given, message):
    with pytest.raises(UserError, match=message):
        qnas.make_evaluator(name, **given)


def test_evaluators_say_what_they_lack():
    space = qnas.make_space("digits_tiny", (8, 8, 1), 10)
    with pytest.raises(UserError, match="dataset: got None, expected one of load_data"):
        qnas.make_evaluator("proxy", space, names=("nwot",))


def test_costs_with_latencies_of_a_file(tmp_path):
    space = qnas.make_space("digits_tiny", (8, 8, 1), 10)
    layers = [
        {name: 0.1 * place for place, name in enumerate(names)}
        for names in space.choices
    ]
    file = tmp_path / "phone.json"
    file.write_text(json.dumps({"base_ms": 1.0, "layers": layers}))
    costs = qnas.cost_table(space, latency=file).cost([[0, 1, 3, 0, 2]])
    assert costs["latency_ms"].tolist() == pytest.approx([1.0 + 0.1 * (1 + 3 + 2)])
    described = qnas.describe(space, np.array([0, 1, 3, 0, 2]))
    assert described["macs"] == costs["macs"][0]
    assert described["string"].split("|")[2] == "skip"


def test_spaces_that_are_no_networks_or_not_there():
    plain = qnas.SearchSpace("plain", (("a", "b"),))
    for use in (qnas.cost_table, lambda space: qnas.describe(space, [0])):
        with pytest.raises(UserError, match="got SearchSpace 'plain', expected one of"):
            use(plain)
    with pytest.raises(UserError, match="allowed: one of proxylessnas"):
        qnas.make_space("none", (8, 8, 1), 10)


def test_series_of_arrays():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    series = rng.normal(size=(60, 20)) + labels[:, None]
    data = qnas.load_dataset({"x_train": series, "y_train": labels}, valid_fraction=0.2)
    assert (data.kind, data.num_classes) == ("series", 3)
    assert qnas.make_task(data).input_shape[0] == 20
    with pytest.raises(UserError, match="series"):
        qnas.make_task(data, "image_classification")
    with pytest.raises(MissingFileError):
        qnas.load_dataset("npz", path="nowhere.npz")


@pytest.mark.parametrize("optimiser", ["exhaustive", "tabu"])
def test_a_cost_in_each_form(optimiser):
    matrix = np.array([[-1.0, 2.0, 0.0], [0.0, -1.0, 2.0], [0.0, 0.0, -1.5]])
    costs = [
        float(np.array(bits) @ matrix @ bits)
        for bits in itertools.product((0, 1), repeat=3)
    ]
    for problem in (matrix, costs, qnas.qubo(matrix)):
        if optimiser == "tabu" and problem is costs:
            continue  # it moves on forms
        found = qnas.minimise(problem, optimiser=optimiser)
        assert found.levels.tolist() == [1, 0, 1]
        assert float(found.cost) == min(costs) == -2.5


def test_what_cannot_be_minimised_is_one_line():
    with pytest.raises(UserError, match="optimiser: got 'qaao', allowed: one of qaoa"):
        qnas.minimise([[1.0]], optimiser="qaao")
    with pytest.raises(UserError, match="qaoa.layer: got 2, allowed: one of layers"):
        qnas.minimise([[1.0]], optimiser="qaoa", options={"layer": 2})
    with pytest.raises(UserError, match=r"QUBO: got shape \(1, 2\)"):
        qnas.minimise([[1.0, 2.0]])


KINDS = (
    "strategies",
    "front_strategies",
    "optimisers",
    "evaluators",
    "tasks",
    "spaces",
    "ops",
    "sources",
)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_listed_has_a_line(kind):
    listed = qnas.available(kind)
    ours = {
        name: listed[name] for name in listed if kind != "spaces" or name in BUILT_IN
    }
    assert ours and all(line and "\n" not in line for line in ours.values())
    if kind in ("strategies", "optimisers"):
        for name in listed:
            for option in qnas.options_of(kind, name).values():
                assert set(option) == {"default", "allowed", "doc"}


def test_lists_that_are_not_there():
    with pytest.raises(UserError, match="kind: got 'strategy', allowed: one of strat"):
        qnas.available("strategy")
    with pytest.raises(UserError, match="strategies: got 'qbt', allowed: one of qbit"):
        qnas.options_of("strategies", "qbt")
