"""`qnas_jax.search` on Python functions: results, failures, budgets, going on."""

import itertools
import math

import numpy as np
import pytest

import qnas_jax as qnas
from qnas_jax.errors import UserError

SPACE = {"depth": [1, 2, 3], "kernel": [3, 5], "skip": [True, False]}


def worth(arch):
    return 10 * arch["depth"] - arch["kernel"] + arch["skip"]


def all_worths():
    return [
        worth(dict(zip(SPACE, values, strict=True)))
        for values in itertools.product(*SPACE.values())
    ]


def test_the_best_of_a_space_that_is_searched_whole():
    found = qnas.search(SPACE, worth, budget=50)
    assert found.ended == "exhausted" and len(found) == 12
    assert found.best == {"depth": 3, "kernel": 3, "skip": True}
    assert found.best_value == max(all_worths()) == 28.0
    assert sorted(found.values) == sorted(all_worths())
    assert found.best_arch == (2, 0, 0) and found.archs.shape == (12, 3)
    assert "28" in repr(found) and "12 evaluations" in repr(found)


def test_small_may_be_better():
    found = qnas.search(SPACE, worth, budget=50, larger_is_better=False)
    assert found.best == {"depth": 1, "kernel": 5, "skip": False}
    assert found.best_value == min(all_worths()) == 5.0
    assert (np.diff(found.best_values) <= 0).all() and found.best_values[-1] == 5.0


@pytest.mark.parametrize("population", [1, 4])
def test_a_budget_is_kept_to_the_evaluation(population):
    asked = []
    found = qnas.search(
        [range(4)] * 4,
        lambda arch: asked.append(arch) or sum(arch),
        strategy="regularized_evolution",  # it proposes archs again
        budget=30,
        population=population,
    )
    assert len(asked) == len(set(asked)) == len(found) == 30
    assert found.ended == "budget"
    assert [tuple(arch) for arch in found.archs.tolist()] == asked
    assert found.best_values.tolist() == np.maximum.accumulate(found.values).tolist()


def test_the_same_key_is_the_same_search_and_another_is_not():
    def archs(key):
        return qnas.search([range(5)] * 6, sum, budget=30, key=key).archs

    np.testing.assert_array_equal(archs(3), archs(3))
    assert (archs(3) != archs(4)).any()


def test_archs_are_what_the_space_is_made_of():
    names = qnas.SearchSpace("mine", (("a", "b"), ("c",)))
    seen = []
    for space in (names, [[1.5, None], [np.float32(2)]], {"x": np.arange(2)}):
        qnas.search(space, lambda arch: seen.append(arch) or 0.0, budget=1)
    assert seen[0] in (("a", "c"), ("b", "c"))
    assert seen[1] in ((1.5, 2), (None, 2))
    assert seen[2] in ({"x": 0}, {"x": 1}) and type(seen[2]["x"]) is int


def test_a_function_gets_what_it_names():
    seen = []

    def evaluate(arch, indices, seed=None, *, fidelity):
        seen.append((indices, seed, fidelity))
        return {"accuracy": sum(indices), "size": 7}

    found = qnas.search([["a", "b"]] * 3, evaluate, budget=4, score="accuracy")
    assert [row[0] for row in seen] == [tuple(arch) for arch in found.archs.tolist()]
    assert {row[2] for row in seen} == {"full"}
    assert len({row[1] for row in seen}) == 4
    assert found.metric("size").tolist() == [7.0] * 4
    assert found.best_metrics == {"accuracy": found.best_value, "size": 7.0}


def test_what_fails_is_kept_with_its_reason_and_never_wins():
    def evaluate(arch):
        if arch["depth"] == 3:
            raise ValueError("too deep")
        if arch["kernel"] == 5:
            return math.nan
        return "x" if not arch["skip"] else 1.0

    found = qnas.search(SPACE, evaluate, budget=50)
    rows = {
        (row["depth"], row["kernel"], row["skip"]): (row["status"], row["reason"])
        for row in found.to_rows()
    }
    assert rows[1, 3, True] == ("ok", "")
    status, reason = rows[3, 3, True]
    assert status == "error" and reason.endswith("ValueError: too deep")
    assert "test_search_function.py, line " in reason
    assert rows[2, 5, True] == ("non_finite", "score is nan")
    assert rows[1, 3, False][0] == "wrong_result"
    assert found.best["depth"] < 3 and found.best_value == 1.0
    assert np.isnan(found.values).sum() == 10 and "10 failed" in repr(found)


def test_a_function_that_always_fails_is_one_line():
    with pytest.raises(UserError, match="none of 3 .* the first: .*KeyError: 'width'"):
        qnas.search(SPACE, lambda arch: arch["width"], budget=3)


def test_ctrl_c_gives_back_what_was_found():
    calls = itertools.count(1)

    def evaluate(arch):
        if next(calls) == 6:
            raise KeyboardInterrupt
        return float(arch[0])

    found = qnas.search([range(4)] * 4, evaluate, budget=40, population=4)
    assert found.ended == "stopped"
    assert len(found) == 5 and found.best_value == found.values.max()
    with pytest.raises(KeyboardInterrupt):
        qnas.search([range(4)] * 4, _interrupt, budget=40)


def _interrupt(arch):
    raise KeyboardInterrupt


def _never(arch):
    raise AssertionError("evaluated again")


def test_a_file_goes_on_where_it_was_stopped(tmp_path):
    file, asked = tmp_path / "kept" / "search.jsonl", []

    def evaluate(arch, stop=None):
        if len(asked) == stop:
            raise KeyboardInterrupt
        asked.append(arch)
        if arch[0] == 3:
            raise RuntimeError("no")
        return sum(arch)

    space, options = [range(4)] * 4, {"budget": 24, "population": 5}
    whole = qnas.search(space, evaluate, **options)
    first, asked[:] = list(asked), []
    stopped = qnas.search(space, lambda a: evaluate(a, 13), file=file, **options)
    assert (stopped.ended, len(stopped)) == ("stopped", 13)
    after = qnas.search(space, evaluate, file=file, **options)
    assert asked == first  # each once, in the same order
    assert after.values.tolist() == pytest.approx(whole.values.tolist(), nan_ok=True)
    assert [r["reason"] for r in after.to_rows()] == [
        r["reason"] for r in whole.to_rows()
    ]
    again = qnas.search(space, _never, file=file, **options)
    assert len(asked) == 24 and again.best == whole.best
    more = qnas.search(space, evaluate, file=file, budget=30, population=5)
    assert len(asked) == 30 == len(more)


def test_a_file_of_another_space_is_not_mistaken(tmp_path):
    file = tmp_path / "search.jsonl"
    qnas.search([["a", "b"]], lambda arch: 1.0, budget=2, file=file)
    found = qnas.search([["c", "d"]], lambda arch: 2.0, budget=2, file=file)
    assert found.values.tolist() == [2.0, 2.0]
    with pytest.raises(UserError, match="a folder; expected a file"):
        qnas.search([["a", "b"]], sum, file=tmp_path)


def test_fidelities_of_a_function():
    seen = []

    def evaluate(arch, fidelity):
        seen.append(fidelity)
        return sum(arch) + 100 * (fidelity == "long")

    found = qnas.search(
        [range(4)] * 4,
        evaluate,
        strategy="successive_halving",
        fidelities=("short", "long"),
        budget=40,
    )
    assert set(seen) == {"short", "long"} and len(found) == 40
    assert found.best_value >= 100


def test_options_of_a_strategy_and_a_strategy_of_its_own():
    plain = qnas.search([range(4)] * 4, sum, strategy="qudit", budget=40)
    turned = qnas.search(
        [range(4)] * 4, sum, strategy="qudit", budget=40, options={"angle": 1.0}
    )
    assert (plain.archs != turned.archs).any()
    strategy = qnas.make_strategy("qudit", (4,) * 4, population=5, generations=8)
    own = qnas.search([range(4)] * 4, sum, strategy=strategy, budget=40)
    np.testing.assert_array_equal(own.archs, plain.archs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "qudt"}, "strategy: got 'qudt', allowed: one of qudit"),
        ({"budget": 0}, "budget: got 0, expected an int >= 1"),
        ({"budget": 2.5}, "budget: got 2.5, expected an int"),
        (
            {"options": {"flip": 1}},
            "memory_registers.flip: got 1, allowed: one of flips",
        ),
        ({"options": {"flips": -1.0}}, "memory_registers.flips: got -1.0, allowed"),
        ({"score": 3}, "score: got 3, expected the name of a metric"),
        ({"larger_is_better": "no"}, "larger_is_better: got 'no'"),
        ({"fidelities": ()}, "fidelities: got"),
        ({"time_limit": 3.0}, "time_limit: got 3.0, expected 0 where workers is 0"),
        ({"workers": 2}, "workers: got a function that other processes cannot import"),
        ({"space": "digits"}, "space: got str 'digits', expected a SearchSpace"),
        ({"space": {"a": "xyz"}}, "space: got dict"),
        ({"space": {"a": [1, 1]}}, "got repeated op names"),
        ({"space": 3}, "space: got int 3"),
        ({"evaluate": 3}, "evaluate: got int 3, expected a function"),
        ({"evaluate": lambda: 3}, "got a function of nothing"),
        ({"evaluate": lambda arch, epochs: 3}, "got a parameter 'epochs'"),
    ],
)
def test_what_does_not_fit_is_one_line(given, message):
    given = {"space": SPACE, "evaluate": lambda arch: 1.0, **given}
    with pytest.raises(UserError) as caught:
        qnas.search(given.pop("space"), given.pop("evaluate"), **given)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_function_of_c():
    assert qnas.search([[1, 2], [3, 4]], sum, budget=4).best == (2, 4)


def test_a_search_of_a_moment_shows_no_bar(monkeypatch, capsys):
    given = {"strategy": "random", "budget": 4, "progress": True}
    qnas.search(SPACE, worth, **given)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("qnas_jax.api.loop._SHORT", 0.0)
    qnas.search(SPACE, worth, **given)
    assert "search:" in capsys.readouterr().err
