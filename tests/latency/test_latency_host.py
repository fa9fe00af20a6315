"""Measuring, and the sums of what was measured: by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.latency import (
    RUNTIMES,
    Calibration,
    LatencyOptions,
    agreement,
    calibrate,
    distinct_parts,
    measure,
    random_archs,
    sum_table,
)
from qnas_jax.nets import build_op, build_supernet, set_mode
from qnas_jax.options import OptionError
from qnas_jax.spaces import CellSpace, CostTable, Layer, NetworkSpace, fixed, op

MB1, SKIP = op("mb1", "mbconv", expansion=1), op("skip", "skip")


def chain():
    """Both layers have the same ops at the same shapes."""
    return NetworkSpace(
        name="twice",
        layers=(Layer(2, 2, 1, (MB1, SKIP)), Layer(2, 2, 1, (SKIP, MB1))),
        stem=(),
        head=(fixed(2, 2, 1, "global_average"), fixed(2, 3, 1, "classifier")),
        input_shape=(4, 4, 2),
        num_classes=3,
    )


def test_sums_of_a_chain_by_hand():
    space = chain()
    parts = build_supernet(space).parts()
    assert [part.entries for part in parts] == [
        ((0, 0),),
        ((0, 1),),
        ((1, 0),),
        ((1, 1),),
        (),
        (),
    ]
    names = list(distinct_parts(parts))
    assert names == [
        "mbconv(expansion=1) 2->2 /1 @4x4x2",
        "skip() 2->2 /1 @4x4x2",
        "global_average() 2->2 /1 @4x4x2",
        "classifier() 2->3 /1 @2",
    ]
    alone = dict(zip(names, (1.1, 0.05, 0.3, 0.2), strict=True))
    table = sum_table(space, parts, alone, call_ms=0.7, pass_ms=0.1)
    # A pass costs 0.1; what takes less than that takes nothing.
    np.testing.assert_allclose(table.by_op["latency_ms"], [[1.0, 0.0], [0.0, 1.0]])
    assert table.fixed["latency_ms"] == pytest.approx(0.7 + 0.2 + 0.1)
    found = table.cost([[0, 1], [1, 0]])["latency_ms"]
    np.testing.assert_allclose(found, [3.0, 1.0])


def test_an_op_of_a_cell_counts_in_all_cells_and_stages():
    space = CellSpace(
        "cells",
        (4, 4, 1),
        3,
        num_nodes=2,
        features=2,
        stages=2,
        cells=3,
        ops=(op("none", "zero"), op("conv", "relu_conv")),
    )
    parts = build_supernet(space).parts()
    alone = {
        name: 5.0 if "relu_conv(kernel" in name or "relu_conv() 2" in name else 1.0
        for name in distinct_parts(parts)
    }
    table = sum_table(space, parts, alone, call_ms=1.0, pass_ms=1.0)
    # Three cells of the first stage at 4 ms beyond a pass; the second has none here.
    assert table.by_op["latency_ms"].tolist() == [[0.0, 3 * 4.0]]
    assert table.fixed["latency_ms"] == 1.0


def test_random_architectures():
    archs = random_archs(chain(), 10, 0)
    assert sorted(map(tuple, archs)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    space = CellSpace("cells", (4, 4, 1), 3, num_nodes=3)
    archs = random_archs(space, 20, 1)
    assert len(np.unique(archs, axis=0)) == 20 and space.lets_through(archs).all()
    np.testing.assert_array_equal(random_archs(space, 20, 1), archs)
    assert random_archs(space, 0, 0).shape == (0, 3)


def test_median_and_spread_by_hand():
    """A clock whose passes take 1, 2, 3, ... milliseconds."""
    steps = itertools.count(1)
    state = {"now": 0.0, "running": False}

    def clock():
        if state["running"]:
            state["now"] += 1e-3 * next(steps)
        state["running"] = not state["running"]
        return state["now"]

    calls = []
    found = measure(lambda: calls.append(1), seconds=0.09, clock=clock, inputs=2)
    # 1 + ... + 12 = 78 milliseconds are not enough, with 13 there are 91.
    assert found.passes == 13 and len(calls) == 3 + 13
    assert found.median_ms == pytest.approx(7.0 / 2)
    assert found.tenth_ms == pytest.approx((1 + 0.1 * 12) / 2)
    assert found.spread_ms == pytest.approx((10 - 4) / 2 / 2)


@pytest.mark.parametrize(("one_thread", "count"), [(True, 1), (False, 3)])
def test_a_runtime_computes_what_the_module_does(one_thread, count):
    module = build_op(Layer(2, 2, 1, (MB1,)), 0, nnx.Rngs(0))
    images = np.asarray(jax.random.normal(jax.random.key(1), (count, 4, 4, 2)))
    output = RUNTIMES["jax"](module, images, one_thread)()
    set_mode(module, "running")
    np.testing.assert_allclose(output, module(jnp.asarray(images)), atol=1e-6)


def test_calibration_by_hand():
    """Twice the sums and 3 ms a MiB; a fifth network was disturbed."""
    sums = np.array([1.0, 2.0, 1.0, 4.0, 3.0])
    mebibytes = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    measured = 2 * sums + 3 * mebibytes
    disturbed = measured * np.array([1, 1, 1, 1, 1.7])
    for networks in (measured, disturbed):
        found = calibrate(sums, mebibytes * 2**20, networks)
        assert found == pytest.approx((2.0, 3.0), abs=0.1)
    # What would need a negative time for bytes gets none.
    sums, mebibytes = np.array([2.0, 4.0, 6.0]), np.array([1.0, 1.0, 3.0])
    assert calibrate(sums, mebibytes * 2**20, 3 * sums - mebibytes).ms_per_mib == 0
    assert calibrate(np.ones(0), np.ones(0), np.ones(0)) == (1.0, 0.0)
    alone = CostTable({"latency_ms": np.ones((1, 2))}, {"latency_ms": 4.0}, (2,))
    costs = CostTable({"bytes_32": np.array([[0, 2**20]])}, {"bytes_32": 2**19}, (2,))
    table = Calibration(2.0, 3.0).apply(alone, costs)
    assert table.by_op["latency_ms"].tolist() == [[2.0, 5.0]]
    assert table.fixed["latency_ms"] == 8.0 + 1.5


def test_agreement_by_hand():
    found = agreement(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 4.0]))
    assert found.spearman == pytest.approx(0.5)  # 1 - 6 * 2 / (3 * 8)
    assert (found.networks, found.median_error) == (3, 0.5)  # of 0.5, 1 and 0.25
    assert agreement(np.ones(3), np.arange(1.0, 4.0)).spearman is None
    with pytest.raises(UserError, match="got 1, expected at least 2"):
        agreement(np.ones(1), np.ones(1))


def test_one_network_cannot_be_ranked():
    with pytest.raises(OptionError, match="validate: got 1, allowed: 0, or 2 and more"):
        LatencyOptions(validate=1)


@pytest.mark.parametrize(
    ("runtime", "tolerance"), [("onnx", 1e-5), ("onnx_int8", 0.15)]
)
def test_onnxruntime_computes_what_the_module_does(runtime, tolerance):
    module = build_op(Layer(4, 4, 1, (MB1,)), 0, nnx.Rngs(0))
    images = np.asarray(jax.random.normal(jax.random.key(1), (3, 6, 6, 4)))
    outputs = np.concatenate(RUNTIMES[runtime](module, images, True)())
    set_mode(module, "running")
    expected = np.asarray(module(jnp.asarray(images)))
    error = np.abs(outputs - expected).max() / np.abs(expected).max()
    assert (1e-4 < error < tolerance) if "int8" in runtime else (error < tolerance)
