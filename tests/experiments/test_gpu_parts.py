"""Parts of a session on an accelerator: each runs here, tiny; and the plan of all."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from experiments.benches import gpu_parts, gpu_ranking, gpu_session
from experiments.benches.gpu_parts import ON_REQUEST, PARTS, SECONDS, SESSION
from experiments.measuring import built_in_spaces
from qnas_jax.spaces import SPACES, fixed

PEER = {"pytorch scoring", "pytorch training"}  # need the public code


def groups():
    """Names and limit of what runs side by side, in the order of the session."""
    found = itertools.groupby(SESSION, key=lambda name: SESSION[name].group or name)
    for _, each in found:
        names = list(each)
        yield names, max(SESSION[name].seconds for name in names)


def test_every_part_of_a_session_has_its_time():
    limits = [limit for _, limit in groups()]
    assert sum(limits) <= SECONDS == 540
    assert not set(SESSION) & set(ON_REQUEST)
    assert all("," not in name for name in PARTS)  # names in a list of a flag
    assert all(part.seconds < 600 for part in ON_REQUEST.values())


def test_cheapest_come_first_and_kernels_before_networks():
    first = [names for names, _ in groups()]
    limits = [limit for names, limit in groups() if "again" not in names[0]]
    assert limits == sorted(limits)
    places = {name: at for at, names in enumerate(first) for name in names}
    networks = ("score", "paths", "path", "rank", "engine scorer", "engine paths")
    assert all(places["depthwise"] < places[name] for name in networks)
    for name in ("score", "paths", "path"):
        assert places[f"{name} again"] == places[name] + 1


def test_fifteen_million_path_images_have_room():
    """At what the card has reached, 65,000 path-images a second."""
    part = PARTS["rank 15 million"]
    (wanted,) = part.run.keywords["path_images"]
    assert wanted >= 15e6 and wanted / 65_000 < 0.6 * part.seconds


@pytest.fixture
def toys(monkeypatch):
    """Spaces of the parts cut to two layers of equal ops, on images of 8 pixels."""

    def cut(name, count):
        build = SPACES[name]

        def toy(input_shape, num_classes):
            full = build(input_shape, num_classes)
            layer = full.layers[2] if name == "digits_tiny" else full.layers[1]
            layer = dataclasses.replace(layer, in_features=layer.out_features, stride=1)
            layers = (dataclasses.replace(layer, ops=layer.ops[:count]),) * 2
            width = layer.out_features
            return dataclasses.replace(
                full,
                stem=(fixed(input_shape[-1], width, 1, "conv", kernel=3),),
                layers=layers,
                head=(
                    fixed(width, width, 1, "global_average"),
                    fixed(width, num_classes, 1, "classifier"),
                ),
            )

        return toy

    for name, count in (("digits_tiny", 2), ("nas_bench_macro", 3)):
        monkeypatch.setitem(SPACES, name, cut(name, count))
    monkeypatch.setitem(built_in_spaces.SIDES, "nas_bench_macro", (8, 3))
    truth = np.array(list(np.ndindex(3, 3)), np.int32), np.arange(9) / 9
    monkeypatch.setattr(gpu_ranking, "read_macro_truth", lambda folder: truth)


TWICE = {name for name in PARTS if name.endswith(" again")}  # the same functions
MEASURED = {
    "device": "copy GB/s",
    "states": "value-5 tiles",
    "circuits": "random-5",
    "depthwise": "6x6x4 k3 s1 bfloat16 paths 1 pallas forward",
    "score": "subnet-images/s",
    "paths": "path-images/s",
    "path": "path-images/s",
    "population": "network-epochs/s",
    "engine scorer": "subnet-images/s",
    "engine paths": "path-images/s",
    "rank": "60 path-images, tau by loss",
    "blocks": "6x6x4 k3 s1 bfloat16 paths 1 blocks forward",
    "state forms": "gradient-5 tiles B",
    "score batch": "subnet-images/s",
    "path recomputed": "path-images/s",
    "paths padded": "path-images/s",
    "engine path": "path-images/s",
    "engine scorer running": "subnet-images/s",
}


def test_no_part_is_left_out():
    same = {"paths with library products": "paths", "rank 15 million": "rank"}
    assert {*MEASURED, *same, *TWICE, *PEER} == set(PARTS)
    for name, other in same.items():
        assert PARTS[name].run.func is PARTS[other].run.func


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_a_part_measures(name, toys):
    notes = {}
    PARTS[name].run(notes.__setitem__, gpu_parts.Settings(tiny=True))
    found = notes[MEASURED[name]]
    assert not isinstance(found, str), found
    values = found.values() if isinstance(found, dict) else [found]
    assert np.isfinite(list(values)).all()
    if name == "engine paths":
        assert notes["steps"] == 4 * notes["steps a call"]
    if name in ("path", "paths", "paths padded", "path recomputed"):
        assert notes["all finite"]
    json.dumps(notes, default=float)
    gpu_session.summary(name, {**notes, "ended": "ok"})
