"""Every arch once, in both orders, also where the space is too large to list."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.options import OptionError
from qnas_jax.searching.classical.exhaustive import (
    ExhaustiveOptions,
    add_digits,
    coprime_stride,
    digits_of,
)

NUM_OPS = (3, 1, 2, 4)
EVERY = np.array(list(itertools.product(*(range(k) for k in NUM_OPS))))


def walk(strategy, key, generations):
    """Archs [G P, L] and the first state."""
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    first = state = strategy.init(key)
    archs = []
    for _ in range(generations):
        archs.append(np.asarray(ask(key, state)))
        state = tell(state, archs[-1], jnp.zeros(strategy.population))
    return np.concatenate(archs), first


def number_of(digits, num_ops):
    """Python's whole numbers of any length: the second implementation of digits."""
    number = 0
    for digit, radix in zip(digits, num_ops, strict=True):
        number = number * radix + int(digit)
    return number


def test_counting_is_the_order_of_itertools():
    archs, _ = walk(
        made("exhaustive", NUM_OPS, 5, order="counting"), jax.random.key(0), 10
    )
    np.testing.assert_array_equal(archs, np.concatenate([EVERY] * 3)[:50])


@pytest.mark.parametrize("population", [1, 5, 24, 31])
def test_shuffled_visits_every_arch_once_a_round(population):
    strategy = made("exhaustive", NUM_OPS, population)
    archs, _ = walk(strategy, jax.random.key(1), -(-48 // population))
    assert sorted(map(tuple, archs[:24])) == sorted(map(tuple, EVERY))
    np.testing.assert_array_equal(archs[24:48], archs[:24])


def test_shuffled_is_the_affine_map():
    strategy = made("exhaustive", NUM_OPS, 2)
    archs, first = walk(strategy, jax.random.key(2), 12)
    # 24 / golden ratio is 14.8; 14 and 15 have a divisor in common with 24.
    stride, begin = 17, number_of(first.digits, NUM_OPS)
    for step, arch in enumerate(archs):
        number = (begin + stride * step) % 24
        expected = [first.labels[layer, op] for layer, op in enumerate(EVERY[number])]
        np.testing.assert_array_equal(arch, expected)


def test_keys_give_different_orders():
    strategy = made("exhaustive", NUM_OPS, 6)
    orders = {tuple(walk(strategy, jax.random.key(k), 4)[0].flat) for k in range(8)}
    assert len(orders) == 8


def test_digits_add_like_whole_numbers():
    num_ops = (16, 3, 1, 7) * 6
    size = math.prod(num_ops)
    rng = np.random.default_rng(0)
    add = jax.jit(lambda a, b: add_digits(a, b, num_ops))
    for _ in range(20):
        one, other = (number_of(rng.integers(num_ops), num_ops) for _ in range(2))
        total = add(digits_of(one, num_ops), digits_of(other, num_ops))
        assert number_of(total, num_ops) == (one + other) % size


def test_strides_have_no_divisor_in_common():
    assert [coprime_stride(size) for size in (1, 2, 5, 10, 24)] == [0, 1, 3, 7, 17]
    for size in range(1, 300):
        assert math.gcd(coprime_stride(size), size) == 1
    # Long division of 16^21 by the golden ratio.
    ratio = coprime_stride(16**21) / 16**21
    assert ratio == pytest.approx(2 / (1 + 5**0.5), rel=1e-12)


def test_a_space_of_240_bits_costs_nothing():
    strategy = made("exhaustive", (16,) * 60, 50)
    archs, _ = walk(strategy, jax.random.key(3), 4)
    assert len(np.unique(archs, axis=0)) == 200
    # The golden ratio spreads the highest digit evenly, 12.5 times each.
    counts = np.bincount(archs[:, 0], minlength=16)
    assert counts.min() >= 10 and counts.max() <= 15


def test_the_order_is_checked():
    with pytest.raises(OptionError, match="order: got 'sorted', allowed: one of"):
        ExhaustiveOptions(order="sorted")
