"""Small networks with made-up weights, to be written as models."""

import numpy as np

from experiments.benches.exports import random_weights
from qnas_jax.export import (
    Images,
    blank_network,
    files,
)
from qnas_jax.nets import set_mode
from qnas_jax.runs import write_json

SHAPE = (8, 8, 1)

NAMES = tuple(f"digit {number}" for number in range(10))


def images_of(names=NAMES):
    return Images(SHAPE, (0.4,), (0.3,), names, data="digits")


def some_pixels(count=100):
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def a_network(space, arch):
    network = random_weights(blank_network(space, arch), np.random.default_rng(1))
    set_mode(network, "running")
    return network


def facts(folder):
    write_json(
        folder / files.FACTS, {"input_shape": list(SHAPE), "class_names": list(NAMES)}
    )


WITHOUT_QNAS_JAX = """
import importlib.abc, json, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "qnas_jax":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import network
"""
"""How a program begins that has a model's own source (argument 1), and no qnas_jax."""
