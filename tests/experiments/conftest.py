"""A space whose programs compile in seconds, for experiments on any space."""

import dataclasses
from collections.abc import Iterator

import pytest

from experiments.benches import kernels, scoring, training
from experiments.measuring import built_in_spaces
from experiments.measuring.machine import Machine, measure_machine
from qnas_jax.spaces import SPACES, NetworkSpace, fixed


def _start_of_digits(
    input_shape: tuple[int, int, int], num_classes: int
) -> NetworkSpace:
    """Two layers of `digits`, with two kernel sizes and a skip: six networks."""
    full = SPACES["digits"](input_shape, num_classes)
    layers = tuple(
        dataclasses.replace(layer, ops=layer.ops[:2] + layer.ops[5:])
        for layer in full.layers[:2]
    )
    width = layers[-1].out_features
    head = (
        fixed(width, width, 1, "global_average"),
        fixed(width, num_classes, 1, "classifier"),
    )
    return dataclasses.replace(full, name="start", layers=layers, head=head)


@pytest.fixture(scope="session")
def tiny_space() -> Iterator[str]:
    """The name of a registered space, on 8 x 8 grey images in the benchmarks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(built_in_spaces.SIDES, "start", (8, 1))
        patch.setitem(SPACES, "start", _start_of_digits)
        yield "start"


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's limits are measured with small arrays."""
    for experiment in (kernels, scoring, training):
        monkeypatch.setattr(experiment, "measure_machine", _measure_briefly)


def _measure_briefly(size: int = 512, passes: int = 3) -> Machine:
    return measure_machine(min(size, 512), megabytes=16, passes=min(passes, 3))
