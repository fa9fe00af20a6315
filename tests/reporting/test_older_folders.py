"""Folders of before a name changed."""

from qnas_jax.reporting import facts


def test_the_number_of_test_examples_had_another_name():
    assert facts.num_tested({"test_examples": 7}) == 7
    assert facts.num_tested({"test_images": 8}) == 8
    assert facts.num_tested({}) is None
