"""Look-ups by hand and against loops; what a table refuses; the seal."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.evaluator import scores_of
from qnas_jax.evaluation.tables import (
    NO_ARCH,
    SealedTest,
    Table,
    TableOptions,
    table_evaluator,
)
from qnas_jax.evaluation.tables.positions import archs_at, index_of, rows_by_position
from qnas_jax.spaces import SearchSpace
from qnas_jax.status import Status

KEY = jax.random.key(0)
SPACE = SearchSpace("small", (("a", "b"), ("x", "y", "z")))
ARCHS = np.array(list(itertools.product(range(2), range(3))), np.int32)
NAN = np.nan


def make_table(**changes):
    cheap = np.array([[1.0], [2], [3], [NAN], [5], [6]], np.float32)
    full = np.array(
        [[10, 12, NAN], [NAN, 20, NAN], [30, 31, 32], [NAN] * 3, [50, 51, 55], [6] * 3]
    )
    fields = {
        "name": "small",
        "space": SPACE,
        "fidelities": ("3", "9"),
        "validation": (cheap, full.astype(np.float32)),
        "train_seconds": (None, np.arange(6, dtype=np.float32)),
        "costs": {"params": np.arange(6, dtype=np.float32)},
    }
    return Table(**{**fields, **changes})


def values_of(evaluate, *asked):
    return evaluate(KEY, *asked).metrics["validation"]


def test_means_leave_out_missing_runs():
    table = make_table()
    np.testing.assert_allclose(table.scores(), [11, 20, 31, NAN, 52, 6])
    np.testing.assert_allclose(table.scores("3"), [1, 2, 3, NAN, 5, 6])
    np.testing.assert_allclose(
        make_table(maximise=False).scores(), [-11, -20, -31, NAN, -52, -6]
    )


def test_a_run_is_counted_modulo_the_runs_there_are():
    table = make_table()
    np.testing.assert_allclose(table.scores("9", 0), [10, 20, 30, NAN, 50, 6])
    np.testing.assert_allclose(table.scores("9", 1), [12, 20, 31, NAN, 51, 6])
    np.testing.assert_allclose(table.scores("9", 2), [10, 20, 32, NAN, 55, 6])
    np.testing.assert_allclose(table.scores("3", 2), table.scores("3"))


@pytest.mark.parametrize("seed", ["mean", 1])
@pytest.mark.parametrize("maximise", [True, False])
def test_evaluators_look_up_eagerly_and_within_programs(seed, maximise):
    table = make_table(maximise=maximise)
    evaluate, many = table.evaluator("9", seed), table.multi_fidelity_evaluator(seed)
    assert (evaluate.fidelities, many.fidelities) == (("9",), ("3", "9"))
    assert evaluate.score == ("validation", maximise) and evaluate.traceable
    archs = jnp.asarray(ARCHS[[4, 0, 3]])
    expected = make_table().scores("9", seed)[[4, 0, 3]]
    signed = np.where(np.isnan(expected), -np.inf, expected if maximise else -expected)
    for run in (evaluate, jax.jit(evaluate), many):
        found = run(KEY, archs)
        assert found.metrics["validation"].dtype == jnp.float32
        np.testing.assert_allclose(found.metrics["validation"], expected)
        assert found.status.tolist() == [Status.OK, Status.OK, Status.NON_FINITE]
    np.testing.assert_allclose(evaluate(KEY, archs).costs["seconds"], [4, 0, 3])
    mixed = jax.jit(many)(KEY, archs, jnp.array([1, 0, 0]))
    np.testing.assert_allclose(mixed.metrics["validation"], [expected[0], 1, NAN])
    assert mixed.costs == {}  # those of fidelity 3 are not known
    same, scores = jax.jit(ScoredBy(evaluate))(KEY, archs)
    np.testing.assert_array_equal(same, archs)
    np.testing.assert_allclose(scores, signed)
    keys = jax.random.split(KEY, 2)
    stacked = jnp.stack([archs, archs[::-1]])
    seen = jax.vmap(ScoredBy(evaluate))(keys, stacked)[1]
    np.testing.assert_allclose(seen, [signed, signed[::-1]])


def test_values_that_float32_makes_equal_are_told_apart():
    values = 5e9 + np.array([[3.0], [1], [2], [NAN], [5], [0]])
    table = make_table(validation=(values, values))
    evaluate = table.evaluator("9")
    assert evaluate.score.metric == "validation_order"
    found = evaluate(KEY, jnp.asarray(ARCHS))
    known = [0, 1, 2, 4, 5]
    validation = np.asarray(found.metrics["validation"])
    np.testing.assert_allclose(validation[known], 5e9, rtol=1e-6)
    scores = np.asarray(scores_of(evaluate, found))
    assert np.argsort(scores).tolist() == [3, 5, 1, 2, 0, 4]
    order = table.order(("9",))
    np.testing.assert_array_equal(order.recorded(scores)[known], values[known, 0])
    np.testing.assert_array_equal(table.scores()[known], values[known, 0])


def test_random_runs_are_drawn_evenly_from_those_there_are():
    table = make_table()
    draws = 6000
    archs = jnp.repeat(jnp.asarray(ARCHS[[0, 2, 1, 3]]), draws, axis=0)
    evaluate = table.evaluator("9", "random")
    scores = values_of(jax.jit(evaluate), archs).reshape(4, draws)
    values, counts = np.unique(scores[0], return_counts=True)
    np.testing.assert_array_equal(values, [10, 12])
    assert abs(counts - 3000).max() < 5 * np.sqrt(draws / 4)
    values, counts = np.unique(scores[1], return_counts=True)
    np.testing.assert_array_equal(values, [30, 31, 32])
    assert abs(counts - 2000).max() < 5 * np.sqrt(draws * 2 / 9)
    assert (scores[2] == 20).all() and np.isnan(scores[3]).all()
    fidelities = jnp.tile(jnp.array([1, 0]), 2 * draws)
    mixed = values_of(table.multi_fidelity_evaluator("random"), archs, fidelities)
    mixed = np.asarray(mixed).reshape(4, draws)
    assert set(mixed[0, ::2]) == {10, 12} and set(mixed[0, 1::2]) == {1}
    again = values_of(evaluate, archs)
    np.testing.assert_array_equal(again.reshape(4, draws), scores)


def test_options_name_the_fidelities_of_an_evaluator():
    table, averaged = make_table(), make_table(averaged=("9",))
    for options, of, expected in (
        ({}, table, ("3", "9")),
        ({"fidelity": "3"}, table, ("3",)),
        ({"seed": "random"}, table, ("3", "9")),
        ({"seed": "random", "fidelity": "3"}, averaged, ("3",)),
    ):
        assert table_evaluator(of, TableOptions(**options)).fidelities == expected
    with pytest.raises(UserError, match="only means"):
        table_evaluator(averaged, TableOptions(seed="1"))


def test_costs_are_those_of_the_arch():
    assert make_table().costs_of(ARCHS[[5, 2]])["params"].tolist() == [5, 2]


def test_positions_count_the_last_layer_fastest():
    np.testing.assert_array_equal(index_of(SPACE, ARCHS), np.arange(6))
    np.testing.assert_array_equal(index_of(SPACE, jnp.asarray(ARCHS)), np.arange(6))
    np.testing.assert_array_equal(archs_at(SPACE, np.arange(6)), ARCHS)
    assert archs_at(SPACE, np.array([[5, 0]])).tolist() == [[[1, 2], [0, 0]]]
    shuffled = ARCHS[[3, 1, 0, 5, 4, 2]]
    rows = rows_by_position(SPACE, shuffled, "file")
    np.testing.assert_array_equal(shuffled[rows], ARCHS)
    with pytest.raises(ValueError, match="file: an architecture is missing"):
        rows_by_position(SPACE, shuffled[[0, 0, 1, 2, 3, 4]], "file")


def test_what_is_not_in_a_table_is_named():
    table = make_table()
    for call, message in [
        (lambda: table.evaluator("4"), "fidelity: got '4', expected one of 3, 9"),
        (lambda: table.evaluator("9", 3), 'seed: got 3, expected "mean" or the'),
        (lambda: table.evaluator("9", -1), "seed: got -1"),
        (lambda: table.evaluator("9", "best"), "seed: got 'best'"),
        (lambda: table.scores("9", "random"), "seed: got 'random'"),
        (lambda: table.seconds("3"), "got no training times"),
        (lambda: table.index(np.array([0, 3])), "got op 3 at layer 1"),
        (lambda: make_table(averaged=("9",)).evaluator(None, 0), "only means"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    np.testing.assert_array_equal(table.seconds(), np.arange(6))


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="got 2 fidelities, 1 validation"):
        make_table(validation=(np.zeros((6, 1)),))
    with pytest.raises(ValueError, match=r"columns of \[5, 6\] archs, expected 6"):
        make_table(costs={"params": np.zeros(5)})
    large = SearchSpace("large", (("a", "b", "c"),) * 20)
    with pytest.raises(ValueError, match="a space of 3486784401 archs, expected at"):
        make_table(space=large)


def test_test_values_are_read_once():
    values = np.array([5, 3, NAN, 4, 2, 1], np.float32)
    test = SealedTest("small", SPACE, values)
    assert test.optimum == 5 and test.optimal_arch.tolist() == [0, 0]
    final = np.array([[[1, 0], [0, 2]], [[NO_ARCH] * 2, [0, 0]]])
    np.testing.assert_allclose(test.open(final), [[4, NAN], [NAN, 5]])
    with pytest.raises(RuntimeError, match="got a second reading, expected one"):
        test.open(final)
    least = SealedTest("small", SPACE, values, maximise=False)
    assert least.optimum == 1 and least.optimal_arch.tolist() == [1, 2]


def test_a_mistake_does_not_break_the_seal():
    test = SealedTest("small", SPACE, np.arange(6, dtype=np.float32))
    with pytest.raises(ValueError, match="got op 3 at layer 1"):
        test.open(np.array([0, 3]))
    with pytest.raises(ValueError, match="got op -1 at layer 0"):
        test.open(np.array([-1, 1]))
    assert test.open(np.array([1, 1])) == 4


def test_a_test_column_without_numbers_is_refused():
    for values in (np.full(6, NAN), np.zeros(5)):
        with pytest.raises(ValueError, match=r"expected some in \(6,\)"):
            SealedTest("small", SPACE, values)


def test_no_test_value_is_in_a_table():
    """Whoever gives a search the table gives it nothing to cheat with."""
    assert not [name for name in dir(make_table()) if "test" in name]
