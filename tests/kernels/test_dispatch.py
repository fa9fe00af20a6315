"""Which form of a kernel runs."""

import threading

import jax
import jax.numpy as jnp
import pytest

from qnas_jax.kernels import depthwise_conv, force_implementation
from qnas_jax.kernels.dispatch import choose

TABLE = {"reference": 1, "fast": 2, "tiled": 3}


def test_named_then_backend_then_reference():
    backend = jax.default_backend()
    assert choose("tiled", TABLE, {backend: "fast"}) == 3
    assert choose(None, TABLE, {backend: "fast"}) == 2
    assert choose(None, TABLE, {"another": "fast"}) == 1


def test_a_forced_form_wins_and_ends_with_its_block():
    by_backend = {jax.default_backend(): "fast"}
    with force_implementation("reference"):
        assert choose(None, TABLE, by_backend) == 1
        assert choose("tiled", TABLE, by_backend) == 1
        with force_implementation("tiled"):
            assert choose(None, TABLE, by_backend) == 3
        assert choose(None, TABLE, by_backend) == 1
    assert choose(None, TABLE, by_backend) == 2


def test_a_forced_form_ends_with_an_error_too():
    with pytest.raises(RuntimeError), force_implementation("tiled"):
        raise RuntimeError
    assert choose(None, TABLE, {}) == 1


def test_a_forced_form_stays_within_its_thread():
    found = []
    with force_implementation("tiled"):
        thread = threading.Thread(target=lambda: found.append(choose(None, TABLE, {})))
        thread.start()
        thread.join()
    assert found == [1]


def test_unknown_names_are_refused():
    for name in ("slow", "FAST"):
        with pytest.raises(ValueError, match=f"got '{name}', expected one of refer"):
            choose(name, TABLE, {})
    with (
        force_implementation("slow"),
        pytest.raises(ValueError, match="got 'slow', expected one of reference"),
    ):
        choose(None, TABLE, {})


def test_the_form_decides_what_is_traced():
    images, kernel = jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2))

    def program(form):
        with force_implementation(form):
            return str(jax.make_jaxpr(lambda *a: depthwise_conv(*a))(images, kernel))

    assert "conv_general_dilated" in program("reference")
    assert "conv_general_dilated" not in program("shifted")
