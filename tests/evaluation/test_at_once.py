"""Out of memory: less is computed at once, which is said, and remembered."""

import pathlib
import resource

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import AtOnce, ScoringOptions, make_population_scorer
from qnas_jax.evaluation.at_once import networks_at_once, split
from qnas_jax.kernels import device_memory
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageClassification

FULL = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9")


def limited(most, asked):
    """Computes only so many at once."""

    def compute(number):
        asked.append(number)
        if number > most:
            raise FULL
        return jnp.int32(number)

    return compute


def test_networks_are_halved_first_then_images():
    assert [split(number, 8) for number in (40, 16, 12, 8, 4, 1)] == [
        (5, 8), (2, 8), (1, 8), (1, 8), (1, 4), (1, 1),
    ]  # fmt: skip


def test_less_is_computed_at_once_said_and_remembered():
    said, asked = [], []
    at_once = AtOnce(said.append)
    assert at_once.run(limited(5, asked), 32, 8) == 4
    assert asked == [32, 16, 8, 4]
    assert len(said) == 3
    assert said[0].endswith(
        "out of memory with 4 x 8 images at once (networks x images), from now on 2 x 8"
    )
    assert said[2].endswith("from now on 1 x 4")
    # Another scorer of the run, with other chunks.
    assert at_once.run(limited(5, asked), 100, 50) == 4
    assert at_once.run(limited(5, asked), 3, 50) == 3
    assert asked[4:] == [4, 3] and len(said) == 3


def test_one_image_in_one_network_that_does_not_fit_is_one_line():
    with pytest.raises(UserError, match="scoring: out of memory with one image"):
        AtOnce(lambda line: None).run(limited(0, []), 4, 2)


def test_other_errors_are_not_taken_for_too_little_memory():
    def compute(number):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        AtOnce(pytest.fail).run(compute, 4, 2)


def test_the_estimate_by_hand(monkeypatch):
    assert networks_at_once(1000, 10, "float32") == 1  # a CPU does not say
    free = 12_800_000.0
    monkeypatch.setattr(
        "qnas_jax.evaluation.at_once.free_bytes", lambda: free, raising=True
    )
    # Half of it, over 32 arrays of 1000 values x 10 images x 4 bytes.
    assert networks_at_once(1000, 10, "float32") == 5
    assert networks_at_once(1000, 10, "bfloat16") == 10
    assert networks_at_once(1000, 10_000, "float32") == 1


def test_free_memory_is_what_the_device_says(monkeypatch):
    class Device:
        def memory_stats(self):
            return {"bytes_limit": 100, "bytes_in_use": 30}

    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert device_memory.free_bytes() == 70.0


@pytest.fixture
def little_memory():
    """The process gets 200 MB more than it has."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + 200 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def space():
    ops = op("one", "mbconv", expansion=1), op("two", "mbconv", expansion=2)
    return NetworkSpace(
        name="tiny",
        layers=(Layer(8, 8, 1, ops),),
        stem=(fixed(1, 8, 1, "conv", kernel=1),),
        head=(fixed(8, 8, 1, "global_average"), fixed(8, 3, 1, "classifier")),
        input_shape=(8, 8, 1),
        num_classes=3,
    )


@pytest.mark.slow
@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="limits are those of Linux"
)
def test_a_population_that_does_not_fit_is_scored_in_smaller_blocks(little_memory):
    task = ImageClassification(
        mean=np.float32([0.4]),
        std=np.float32([0.3]),
        input_shape=(8, 8, 1),
        num_outputs=3,
    )
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.integers(0, 256, (2000, 8, 8, 1)), jnp.uint8)
    labels = jnp.asarray(rng.integers(0, 3, 2000), jnp.int32)
    archs = np.tile(np.int32([[0], [1]]), (16, 1))
    supernet = build_supernet(space(), "padded")
    weights = supernet.init(jax.random.key(0))
    said = []

    def score(block, chunk):
        options = ScoringOptions(
            statistics="running", score_block=block, score_chunk=chunk
        )
        scorer = make_population_scorer(
            supernet, task, options, images[:1], AtOnce(said.append)
        )
        return scorer(weights, archs, images, labels)["loss"]

    found = score(32, 2000)
    assert said and "out of memory with 32 x 2000" in said[0]
    np.testing.assert_allclose(found, score(1, 500), atol=1e-5)
