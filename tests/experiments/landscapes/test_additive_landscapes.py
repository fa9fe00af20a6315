"""Landscapes against loops, numbers by hand and the real instances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.landscapes.additive import (
    Knapsack,
    bits_knapsack_evaluator,
    knapsack_value,
    onemax,
    onemax_evaluator,
    pairs_knapsack_evaluator,
    read_knapsack,
    repair,
)


def test_onemax_counts_last_ops():
    archs = jnp.array([[0, 1, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_allclose(onemax(archs), [0.75, 0])
    np.testing.assert_allclose(onemax(archs, (1, 2, 3, 2)), [0.75, 0.25])
    _, scores = onemax_evaluator(2)(jax.random.key(0), archs)
    np.testing.assert_allclose(scores, [0.75, 0])


def repair_with_loops(knapsack, bits):
    """The published procedure, one item at a time."""
    bits, weights = list(bits), knapsack.weights.astype(float)
    weight = sum(w for w, bit in zip(weights, bits, strict=True) if bit)
    for i in range(len(bits)):
        if weight <= knapsack.capacity:
            break
        weight -= weights[i] * bits[i]
        bits[i] = 0
    j = 0
    while j < len(bits) and weight <= knapsack.capacity:
        weight += weights[j] * (1 - bits[j])
        bits[j] = 1
        j += 1
    bits[j - 1] = 0
    return bits


@pytest.mark.parametrize("capacity", [3.0, 20.0, 60.0, 109.0, 500.0])
def test_repair_equals_the_loops(capacity):
    rng = np.random.default_rng(int(capacity))
    weights = rng.uniform(1, 10, 20).astype(np.float32)
    knapsack = Knapsack(capacity, weights, weights + 5)
    bits = (rng.random((300, 20)) < rng.random((300, 1))).astype(np.int32)
    repaired = np.asarray(repair(knapsack, jnp.asarray(bits)))
    expected = [repair_with_loops(knapsack, row) for row in bits]
    np.testing.assert_array_equal(repaired, expected)
    assert np.all(repaired @ weights <= capacity)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        # Weighs 10 > 6: items 0 to 2 go (4 left); 0 is added (5); 1 overfills.
        ([1, 1, 1, 1], [1, 0, 0, 1]),
        # Weighs 3: 0 is there, 1 too; adding 2 makes 6, which fits; 3 overfills.
        ([1, 1, 0, 0], [1, 1, 1, 0]),
        # Weighs 4: adding 0 makes 5; 1 makes 7 and overfills.
        ([0, 0, 0, 1], [1, 0, 0, 1]),
    ],
)
def test_repair_by_hand(bits, expected):
    knapsack = Knapsack(6.0, np.float32([1, 2, 3, 4]), np.float32([1, 1, 1, 1]))
    np.testing.assert_array_equal(repair(knapsack, jnp.array([bits]))[0], expected)


def test_repair_drops_the_last_item_even_if_all_fit():
    knapsack = Knapsack(100.0, np.float32([1, 2, 3]), np.float32([1, 1, 1]))
    np.testing.assert_array_equal(repair(knapsack, jnp.array([[0, 1, 1]])), [[1, 1, 0]])


def test_value_is_the_price_of_packed_items():
    knapsack = Knapsack(9.0, np.float32([1, 2, 3]), np.float32([10, 20, 40]))
    bits = jnp.array([[1, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(knapsack_value(knapsack, bits), [50, 0])


def test_pairs_and_bits_are_the_same_problem():
    rng = np.random.default_rng(0)
    weights = rng.uniform(1, 10, 12).astype(np.float32)
    knapsack = Knapsack(30.0, weights, weights + 5)
    bits = rng.integers(0, 2, (50, 12)).astype(np.int32)
    pairs = 2 * bits[:, ::2] + bits[:, 1::2]
    key = jax.random.key(0)
    repaired, values = bits_knapsack_evaluator(knapsack)(key, jnp.asarray(bits))
    pair_archs, pair_values = pairs_knapsack_evaluator(knapsack)(
        key, jnp.asarray(pairs)
    )
    np.testing.assert_array_equal(pair_values, values)
    np.testing.assert_array_equal(pair_archs, 2 * repaired[:, ::2] + repaired[:, 1::2])


def test_pairs_need_an_even_number_of_items():
    knapsack = Knapsack(3.0, np.ones(3, np.float32), np.ones(3, np.float32))
    with pytest.raises(ValueError, match="got 3 items, expected an even number"):
        pairs_knapsack_evaluator(knapsack)


def test_real_instances(data_dir):
    for items, capacity in ((250, 673.8677805), (500, 1427.682533)):
        knapsack = read_knapsack(data_dir / "knapsack" / f"knapsack-{items}.txt")
        assert knapsack.capacity == capacity
        assert knapsack.weights.shape == (items,)
        # In this study every item costs its weight plus 5.
        np.testing.assert_allclose(knapsack.prices, knapsack.weights + 5, rtol=1e-5)


def test_reading_names_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected an existing text file"):
        read_knapsack(tmp_path / "none.txt")
    path = tmp_path / "bad.txt"
    cases = {
        "# only a comment\n": "got 0 lines of numbers",
        "10\n": "got 1 lines of numbers",
        "10 20\n1 2\n": "line 1: got '10 20', expected 'capacity'",
        "10\n\n1 two\n": "line 3: got '1 two', expected 'weight price'",
        "10\n1 2\n3\n": "line 3: got '3', expected 'weight price'",
        "10\n-1 2\n": "as positive numbers",
        "10\nnan 2\n": "as positive numbers",
    }
    for text, message in cases.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_knapsack(path)
