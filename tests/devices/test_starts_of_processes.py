"""Starts that would wait for ever, or leave devices idle, are one line instead."""

import re

import pytest

from qnas_jax.devices import Devices, Start
from qnas_jax.errors import UserError

STEP = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_NODELIST": "node[1-2]",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NTASKS": "8",
    "SLURM_STEP_NUM_NODES": "2",
}


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (Start("host:1234"), "got some of them, expected all three"),
        (Start("", 2, 0), "got some of them, expected all three"),
        (Start("host:1234", 2, 2), "--process_id: got 2, expected 0..1"),
        (Start("host", 2, 1), "--coordinator: got 'host', expected HOST:PORT"),
        (Start("host:port", 2, 1), "--coordinator: got 'host:port'"),
    ],
)
def test_flags_that_do_not_fit(start, said):
    with pytest.raises(UserError, match=re.escape(said)):
        start.check({})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SLURM_PROCID": None}, "SLURM_PROCID not: this is no step of the job"),
        (
            dict.fromkeys(set(STEP) - {"SLURM_JOB_ID"}),
            "SLURM_LOCALID, SLURM_NTASKS not: this is no step of the job (a login by "
            "ssh, or a batch script itself); start by `srun",
        ),
        ({"SLURM_NTASKS": "1", "SLURM_STEP_NUM_NODES": "1"}, "--ntasks-per-node"),
        ({"SLURM_NTASKS": "2", "SLURM_STEP_NUM_NODES": "4"}, "2 tasks on 4 nodes"),
        ({"CUDA_VISIBLE_DEVICES": "0"}, "use --gpus-per-node instead of --gpus-per-"),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7"}, "so 4 would be idle"),
        (
            {
                "SLURM_NTASKS": "2",
                "SLURM_LOCALID": "0",
                "CUDA_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7",
            },
            "8 GPUs a node, and tasks for 1 of them, so 7 would be idle; "
            "set --ntasks-per-node=8",
        ),
        (
            {
                "SLURM_NTASKS": "1",
                "SLURM_STEP_NUM_NODES": "1",
                "CUDA_VISIBLE_DEVICES": "0,1,2,3",
            },
            "one task, which needs no --distributed: it has all GPUs of its node",
        ),
    ],
)
def test_known_mistakes_under_slurm(changes, said):
    environ = {**STEP, **changes}
    environ = {name: value for name, value in environ.items() if value is not None}
    with pytest.raises(UserError, match=re.escape(said)):
        Start().check(environ)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"CUDA_VISIBLE_DEVICES": "0,1,2,3"},
        {"CUDA_VISIBLE_DEVICES": "0", "JAX_LOCAL_DEVICE_IDS": "0"},
    ],
)
def test_starts_that_work(changes):
    Start().check({**STEP, **changes})
    Start("host:1234", 2, 1).check({**STEP, **changes})
    Start().check({})


def test_devices_that_are_not_there():
    with pytest.raises(UserError, match="--devices: got 512, expected 1.."):
        Devices.of(512)
    with pytest.raises(UserError, match="--devices: got -1, expected 1.."):
        Devices.of(-1)
    assert Devices.of(0).count >= 1


def test_with_one_device_nothing_is_changed():
    def function(whole, part):
        return whole, part

    alone = Devices(1)
    assert alone.over_examples(function) is function
    assert alone.over_members(function) is function
    tree = {"weights": [1.0]}
    assert alone.replicated(tree) is tree
    assert alone.divided(tree) is tree
