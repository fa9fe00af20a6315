"""Steps of a search on the host: the keys and the results of `host_search`."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from qnas_jax.searching import STRATEGIES, host_search, make_strategy
from qnas_jax.searching.stepping import Stepper, _compiled, key_words

NUM_OPS = (3, 2, 4)


def worth(archs):
    return -np.abs(np.asarray(archs) - [2, 0, 3]).sum(axis=-1).astype(np.float32)


@pytest.mark.parametrize("name", ["memory_registers", "qudit", "hyperband"])
def test_it_asks_what_host_search_asks(name):
    strategy = make_strategy(name, NUM_OPS, population=9, generations=6)
    key = jax.random.key(7)
    found = host_search(
        strategy, lambda key, archs, _=None: (archs, worth(archs)), key, 6
    )
    stepper, told = Stepper(strategy, 7), ()
    for step in found:
        asked = stepper.ask(*told)
        np.testing.assert_array_equal(asked.archs, step.generation.archs)
        if strategy.fidelities is None:
            assert asked.fidelities is None
        else:
            np.testing.assert_array_equal(asked.fidelities, step.generation.fidelities)
        told = asked.archs, worth(asked.archs)


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
def test_a_seed_is_a_key(seed):
    words = np.asarray(jax.random.key_data(jax.random.key(seed)))
    np.testing.assert_array_equal(key_words(seed), words)
    np.testing.assert_array_equal(key_words(jax.random.key(seed)), words)


def test_strategies_of_one_form_share_a_program():
    """Another number, another seed: nothing is compiled."""

    def step(angle, seed):
        options = STRATEGIES["qudit"].options(angle=angle)
        sizes = {"population": 4, "generations": 2}
        strategy = make_strategy("qudit", NUM_OPS, options=options, **sizes)
        return Stepper(strategy, seed).ask().archs

    step(0.1, 0)
    programs = _compiled.cache_info().misses
    assert step(0.2, 1).shape == (4, 3)
    assert _compiled.cache_info().misses == programs


SCRIPT = """
import os, jax
from qnas_jax.searching import make_strategy
from qnas_jax.searching.stepping import Stepper
strategy = make_strategy("random", (3, 2), population=4, generations=2)
print(Stepper(strategy, 0).ask().archs.tolist())
assert not jax.config.jax_compilation_cache_dir
jax.jit(lambda x: x + 1)(1)
folder = os.path.join(os.environ["XDG_CACHE_HOME"], "qnas_jax", "compiled")
print(sorted(name.split("-")[0] for name in os.listdir(folder) if "cache" in name))
"""


def test_the_program_is_kept_for_the_next_process_and_nothing_else(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env=environment,
        ).stdout
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1] and outputs[0].endswith("['jit__step']\n")
