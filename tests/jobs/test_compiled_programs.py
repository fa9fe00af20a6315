"""A damaged entry of the compilation cache is told once, and gone afterwards."""

import pathlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.jobs.compiled_programs import healed_compilation_cache


@pytest.fixture
def keep_everything():
    """Programs that compile in no time are kept too; the folder."""
    name = "jax_persistent_cache_min_compile_time_secs"
    before = jax.config.values[name]
    jax.config.update(name, 0.0)
    yield pathlib.Path(jax.config.values["jax_compilation_cache_dir"])
    jax.config.update(name, before)


def compiled(number):
    """The value of a program, compiled as if it never was in this process."""

    def program_of_a_test(x):
        return jnp.sin(x) * 3 + 1

    return jax.jit(program_of_a_test)(number)


def test_a_damaged_entry_is_replaced_by_a_good_one(keep_everything, capsys):
    expected = compiled(np.float32(2.0))
    (path,) = keep_everything.glob("jit_program_of_a_test-*-cache")
    good = path.stat().st_size
    path.write_bytes(path.read_bytes()[: good // 2])
    with healed_compilation_cache():
        assert compiled(np.float32(2.0)) == expected
    assert path.stat().st_size > good // 2
    assert capsys.readouterr().err == (
        "compiled program jit_program_of_a_test: the kept one is damaged, made anew\n"
    )
    with healed_compilation_cache():
        assert compiled(np.float32(2.0)) == expected
    assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_written_is_told_once(capsys):
    text = (
        "Error writing persistent compilation cache entry for 'jit_f': OSError: "
        "[Errno 28] No space left on device: '/x'"
    )
    with healed_compilation_cache():
        warnings.warn(text, stacklevel=1)
        warnings.warn(text, stacklevel=1)
    assert capsys.readouterr().err == (
        "compiled programs are not kept: OSError: [Errno 28] No space left on device: "
        "'/x'\n"
    )


def test_other_warnings_are_as_before():
    with (
        pytest.warns(UserWarning, match="of somebody else"),
        healed_compilation_cache(),
    ):
        warnings.warn("of somebody else", stacklevel=1)
