"""Which form of a kernel runs."""

import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import (
    alternating,
    depthwise_conv,
    dispatch,
    force_implementation,
    inverted_residual,
    qaoa_state,
)
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


@pytest.fixture
def without_triton(monkeypatch):
    """As a JAX whose Pallas has no Triton, on a backend that would take its forms."""
    monkeypatch.setitem(sys.modules, "jax.experimental.pallas.triton", None)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    dispatch.has_triton.cache_clear()
    yield
    dispatch.has_triton.cache_clear()


def test_without_triton_the_library_takes_over(without_triton, monkeypatch):
    said = []
    monkeypatch.setattr(dispatch.logging, "warning", lambda *line: said.append(line))
    images, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2))
    found = depthwise_conv(images, kernel)
    wanted = depthwise_conv(images, kernel, implementation="reference")
    np.testing.assert_array_equal(found, wanted)
    assert not inverted_residual.kernels_for_blocks()
    monkeypatch.setattr(alternating, "ON_GPU", ((1, "tiles"),))
    diagonal, angle = jnp.arange(4.0), jnp.full(1, 0.3)
    state = qaoa_state(diagonal, angle, angle)
    blocks = qaoa_state(diagonal, angle, angle, implementation="blocks")
    np.testing.assert_array_equal(state, blocks)
    assert len(said) == 1 and "no Triton backend" in said[0][0]


def test_without_triton_its_forms_cannot_be_named(without_triton):
    images, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2))
    message = "got 'pallas', expected one of reference, shifted, taps; JAX .* no Triton"
    with pytest.raises(ValueError, match=message):
        depthwise_conv(images, kernel, implementation="pallas")


def test_what_needs_triton_is_not_imported_before():
    """Without it, the package would not be there at all."""
    program = (
        "import sys; sys.modules['jax.experimental.pallas.triton'] = None; "
        "import qnas_jax.kernels, qnas_jax.quantum, qnas_jax.nets"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
