"""Peak memory by hand, by the whole network's program, and beside XLA's own plan."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import CellSubnet, ChainSubnet, build_supernet, set_mode
from qnas_jax.nets.memory import peak_of_program
from qnas_jax.spaces import CellSpace, Layer, NetworkSpace, fixed, op

MB2 = op("mb2", "mbconv", kernel=3, expansion=2)
SE = op("mb2_se", "mbconv", kernel=3, expansion=2, attention="se")


def chain():
    return NetworkSpace(
        name="small",
        layers=(
            Layer(4, 4, 1, (MB2, op("skip", "skip"), SE)),
            Layer(4, 8, 2, (MB2, op("projection", "projection"))),
        ),
        stem=(fixed(2, 4, 1, "conv", kernel=3),),
        head=(fixed(8, 8, 1, "global_average"), fixed(8, 3, 1, "classifier")),
        input_shape=(4, 4, 2),
        num_classes=3,
    )


def cells(nodes=4, stages=1):
    return CellSpace(
        "cells", (4, 4, 1), 3, num_nodes=nodes, features=2, stages=stages, cells=1
    )


def test_a_chain_by_hand():
    """In numbers of float32; the residual block keeps its input of 64 to its end."""
    stem = 32 + 64
    residual = 64 + max(128, 128 + 128, 128 + 64)
    reducing = max(64 + 128, 128 + 32, 32 + 32)
    projection = 16 // 4 * 8 + 64
    records = build_supernet(chain()).describe_arch([0, 0])
    peaks = [record["peak_bytes"] for record in records]
    assert peaks == [4 * n for n in (stem, residual, reducing, 32 + 8, 8 + 3)]
    found = build_supernet(chain()).peak_bytes([[0, 0], [1, 0], [1, 1], [2, 1]])
    # Attention: the mean and what follows are small beside the two large arrays.
    attention = residual
    wanted = (residual, reducing, max(stem, projection), attention)
    assert found.tolist() == [4 * n for n in wanted]


@pytest.mark.parametrize(
    ("arch", "arrays"),
    [
        # At edge 1-2: nodes 0, 1 and 2, the ReLU of node 1, its convolution.
        ([3, 3, 3, 3, 3, 3], 5),
        # Nobody reads node 0 again: its ReLU takes its place. Zeros are constants.
        ([3, 0, 0, 0, 0, 0], 2),
        ([3, 1, 0, 0, 0, 0], 3),
        # An array added to itself, while others still read it, needs a second one.
        ([1, 1, 1, 1, 1, 1], 2),
        ([0, 0, 0, 0, 0, 0], 1),
    ],
)
def test_a_cell_by_hand(arch, arrays):
    """In arrays of 4 x 4 x 2; the fixed blocks need less than two of them."""
    stem = 16 + 32
    (found,) = build_supernet(cells()).peak_bytes([arch])
    assert found == 4 * max(32 * arrays, stem)


def traced(supernet, arch):
    """The whole stand-alone network as one program, and how to run it."""
    make = {"small": ChainSubnet, "cells": CellSubnet}[supernet.space.name]
    subnet = nnx.eval_shape(lambda: make(supernet.space, arch, rngs=nnx.Rngs(0)))
    set_mode(subnet, "running")
    graphdef, state = nnx.split(subnet)
    image = jax.ShapeDtypeStruct((1, *supernet.space.input_shape), jnp.float32)

    def run(state, image):
        return nnx.merge(graphdef, state)(image)

    with force_implementation("reference"):
        return run, jax.make_jaxpr(run)(state, image), (state, image)


@pytest.mark.parametrize("space", [chain(), cells(3, stages=2), cells(4)])
def test_blocks_put_together_are_the_whole_network(space):
    supernet = build_supernet(space)
    rng = np.random.default_rng(0)
    archs = rng.integers(0, space.num_ops, (12, space.num_layers))
    archs = archs[space.lets_through(archs)][:3]  # behind zeros all would be constants
    wanted = [peak_of_program(traced(supernet, arch)[1]) for arch in archs]
    assert supernet.peak_bytes(archs).tolist() == wanted


def test_xla_needs_as_much_and_not_much_more():
    """The temporary memory that XLA plans: it does not write over inputs everywhere."""
    supernet = build_supernet(chain())
    run, _, arguments = traced(supernet, [0, 0])
    with force_implementation("reference"):
        compiled = jax.jit(run).lower(*arguments).compile()
    (peak,) = supernet.peak_bytes([[0, 0]])
    analysis = compiled.memory_analysis()
    assert 0.8 * peak < analysis.temp_size_in_bytes < 2 * peak
    # The weights are exactly those whose bytes are counted; the rest is the image.
    costs = supernet.cost_table().cost([[0, 0]])
    image = 4 * 4 * 4 * 2
    assert analysis.argument_size_in_bytes == costs["bytes_32"][0] + image
    # Beside products XLA counts additions, and leaves out products with the border.
    flops = compiled.cost_analysis()["flops"]
    assert 0.8 < flops / (2 * costs["macs"][0]) < 1.3


@pytest.mark.parametrize(
    ("function", "numbers"),
    [
        (lambda x: x, 16),
        (lambda x: x + 1.0, 16),
        (lambda x: x + x.sum(), 16 + 1),
        (lambda x: (x @ x) + x, 2 * 16),
        (lambda x: (x @ x) @ x, 3 * 16),
        (lambda x: x.T @ x.reshape(4, 4)[:2].T, 16 + 8),
        (lambda x: jnp.concatenate([x, x * 2.0]), 16 + 16 + 32),
        # Beside x stand what the loop carries and the product that its body makes.
        (lambda x: lax.scan(lambda c, _: (c @ x, None), x, length=3)[0], 3 * 16),
    ],
)
def test_programs_by_hand(function, numbers):
    square = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    assert peak_of_program(jax.make_jaxpr(function)(square)) == 4 * numbers


def test_half_precision_is_half_the_bytes():
    square = jax.ShapeDtypeStruct((4, 4), jnp.bfloat16)
    assert peak_of_program(jax.make_jaxpr(lambda x: x @ x)(square)) == 2 * 32
