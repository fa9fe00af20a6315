import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Split, epoch_order, num_steps, on_device, take_batch


def numbered_split(num):
    """Image i is filled with i, its label is i mod 3."""
    labels = np.arange(num, dtype=np.int32)
    images = np.broadcast_to(labels[:, None, None, None], (num, 2, 2, 1))
    return Split(images.astype(np.uint8), labels % 3)


def test_order_is_a_permutation_of_key_and_epoch_alone():
    key = jax.random.key(0)
    orders = [np.asarray(epoch_order(key, epoch, 100)) for epoch in range(3)]
    for order in orders:
        assert order.dtype == np.int32
        np.testing.assert_array_equal(np.sort(order), np.arange(100))
    assert (orders[0] != orders[1]).any() and (orders[1] != orders[2]).any()
    traced = jax.jit(epoch_order, static_argnums=2)(key, jnp.int32(2), 100)
    np.testing.assert_array_equal(traced, orders[2])
    other = epoch_order(jax.random.key(1), 0, 100)
    assert (np.asarray(other) != orders[0]).any()


def test_number_of_steps():
    assert num_steps(10, 3) == 3
    assert num_steps(9, 3) == 3
    assert num_steps(3, 3) == 1
    with pytest.raises(ValueError, match=r"batch_size: got 4, expected 1\.\.3"):
        num_steps(3, 4)
    with pytest.raises(ValueError, match="batch_size: got 0"):
        num_steps(3, 0)


def test_on_device_keeps_values_and_types():
    split = numbered_split(5)
    images, labels = on_device(split)
    assert isinstance(images, jax.Array) and images.dtype == jnp.uint8
    assert labels.dtype == jnp.int32
    np.testing.assert_array_equal(images, split.inputs)
    np.testing.assert_array_equal(labels, split.targets)


def test_batches_of_an_epoch_follow_the_order():
    split = numbered_split(20)
    images, labels = on_device(split)
    order = epoch_order(jax.random.key(0), 0, 20)

    def body(carry, step):
        return carry, take_batch(images, labels, order, step, 6)

    _, (seen, classes) = jax.lax.scan(body, None, jnp.arange(num_steps(20, 6)))
    assert seen.shape == (3, 6, 2, 2, 1) and seen.dtype == jnp.uint8
    np.testing.assert_array_equal(seen[..., 0, 0, 0].ravel(), order[:18])
    np.testing.assert_array_equal(classes.ravel(), order[:18] % 3)
    eager_images, eager_labels = take_batch(images, labels, order, 1, 6)
    np.testing.assert_array_equal(eager_images, seen[1])
    np.testing.assert_array_equal(eager_labels, classes[1])
