"""What the profile and the count of bytes make of programs that are read by hand."""

import math

import jax
import numpy as np
import pytest

from experiments.benches import precision_agreement, profile_steps
from experiments.measuring.programs import gradient_program, training_program
from experiments.measuring.traffic import bytes_moved, op_traffic
from experiments.measuring.workload import make_workload
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.nets import build_supernet
from qnas_jax.nets.build import op_templates
from qnas_jax.runs import WorkFolder
from qnas_jax.spaces import Layer, SpaceOptions, build_space, op

PROGRAM = """
ENTRY %main (p: f32[8]) -> f32[8] {
  %p = f32[8]{0} parameter(0)
  %ynn_fusion.1 = f32[4,2]{1,0} fusion(%p), metadata={op_name="jit(f)/dot_general"}
  %ynn_fusion.2 = f32[2]{0} fusion(%p), metadata={op_name="jit(f)/reduce_sum"}
  %add_fusion.3 = f32[8]{0} fusion(%p), metadata={op_name="jit(f)/depthwise/add"}
  %add_fusion.4 = f32[8]{0} fusion(%p), metadata={op_name="jit(f)/norm/add"}
  %k.5 = f32[8]{0} fusion(%p), metadata={op_name="depthwise_kernel_gradient/add"}
  %clamp_pad_fusion.6 = f32[8]{0} fusion(%p), metadata={op_name="jit(f)/depthwise/pad"}
  %wrapped_broadcast.7 = f32[8]{0} fusion(%p), kind=kLoop
  %copy.8 = f32[16,4]{1,0} copy(%p)
  %cond.9 = (f32[8]{0}, /*index=1*/f32[8]{0}) conditional(%p, %p, %p)
  ROOT %while.10 = f32[8]{0} while(%p), condition=%c, body=%b
}
"""


def test_instructions_are_sorted_by_kind():
    kinds = profile_steps.kinds_of(PROGRAM)
    assert kinds.pop("p")
    assert kinds == {
        "ynn_fusion.1": "matrix products and full convolutions",
        "ynn_fusion.2": "sums",
        "add_fusion.3": "depth-wise: forward and image gradient",
        "add_fusion.4": "normalisation, activation, and the rest",
        "k.5": "depth-wise: kernel gradient",
        "clamp_pad_fusion.6": "padding, with what is fused into it",
        "wrapped_broadcast.7": "zero fills",
        "copy.8": "copies, slices and updates",
    }


def test_events_of_a_trace_are_those_with_an_instruction():
    trace = {
        "traceEvents": [
            {"ph": "M", "name": "process_name", "args": {"name": "host"}},
            {"ph": "X", "name": "Execute", "dur": 5.0},
            {"ph": "X", "name": "copy", "dur": 2.0, "args": {"hlo_op": "copy.8"}},
            {},
        ]
    }
    assert list(profile_steps.events_of(trace)) == [("copy.8", 2e-6)]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["scoring", "training"])
def test_a_profile_finds_the_time_of_a_pass(what, tiny_space):
    rows = profile_steps.run(tiny_space, what, images=8, num_archs=6)
    assert math.isclose(sum(row["share"] for row in rows), 1.0)
    assert rows == sorted(rows, key=lambda row: -row["s"])
    kinds = {row["kind"] for row in rows}
    assert "matrix products and full convolutions" in kinds
    assert "depth-wise: forward and image gradient" in kinds
    assert ("depth-wise: kernel gradient" in kinds) == (what == "training")


def test_traffic_of_an_inverted_residual_by_hand():
    """4 x 4 x 2, expansion 3: expand, depth-wise, project, normalise, residual."""
    ops = (op("mb", "mbconv", kernel=3, expansion=3), op("skip", "skip"))
    block, skip = op_templates(Layer(2, 2, 1, ops))
    inside, outside = 4 * 4 * 6, 4 * 4 * 2
    values = (outside + inside) + 2 * inside + (inside + outside) + 2 * outside
    weights = 2 * 6 + 9 * 6 + 6 * 2 + 2 * (6 + 6 + 2)
    assert op_traffic(block, (4, 4, 2)) == (values + outside, weights, (4, 4, 2))
    assert op_traffic(skip, (4, 4, 2)) == (0, 0, (4, 4, 2))


def test_bytes_grow_with_images_and_weights_with_chunks():
    space = build_space(SpaceOptions(name="digits"), (8, 8, 1), 10)
    archs = np.zeros((3, space.num_layers), np.int32)
    one, two, split = (
        bytes_moved(space, archs, images, chunk)
        for images, chunk in ((8, 8), (16, 16), (16, 8))
    )
    assert one < two < split == 2 * one
    weights = build_supernet(space).cost_table().cost(archs)["params"].sum()
    assert split - two == 4 * weights


@pytest.mark.slow
def test_the_gradient_alone_leaves_the_weights(tiny_space):
    work = make_workload(tiny_space, 8)
    archs = np.zeros((2, work.space.num_layers), np.int32)
    before = jax.tree.map(np.array, work.weights)
    gradient_program(work, archs).run()
    state = training_program(work, archs).run()
    jax.tree.map(np.testing.assert_array_equal, before, work.weights)
    assert not np.array_equal(before[0]["layers"][0], state[0]["layers"][0])


@pytest.mark.slow
def test_precisions_agree_on_random_weights(tmp_path, tiny_space):
    config = default_config()
    config.data.update(source="digits", max_train=64, max_valid=64, max_test=16)
    config.space.update(name=tiny_space)
    setting = open_setting(config, WorkFolder(tmp_path))
    weights = setting.supernet.init(jax.random.key(0))
    accuracy, loss = precision_agreement.run(setting, weights, num_archs=6)
    assert (accuracy["score"], loss["score"]) == ("accuracy", "loss")
    assert loss["architectures"] == 6 and loss["images"] == 64
    assert 0 < loss["largest difference"] < 0.05
    assert loss["Kendall tau"] > 0.4
