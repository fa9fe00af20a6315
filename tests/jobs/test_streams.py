"""Random numbers of a run: one stream a purpose, from the root seed alone."""

import pathlib
import re
import zlib

import jax
import numpy as np
import pytest
from job_runs import run_in

import qnas_jax
from experiments.reliability.artefacts import read_artefacts


def test_streams_differ_by_name_and_by_seed(tiny_config, make_setting):
    setting, again = make_setting(tiny_config), make_setting(tiny_config, "again")
    tiny_config.seed = 1
    other = make_setting(tiny_config, "other")
    names = ("search", "supernet/init", "retrain/winner/init", "retrain/random/init")
    streams = [each.key(name) for each in (setting, other) for name in names]
    data = {np.asarray(jax.random.key_data(key)).tobytes() for key in streams}
    assert len(data) == 2 * len(names)
    for name in names:
        np.testing.assert_array_equal(
            jax.random.key_data(setting.key(name)), jax.random.key_data(again.key(name))
        )


def test_no_two_names_are_one_stream():
    """A stream is the root key and the checksum of its name, whatever else there is."""
    files = pathlib.Path(qnas_jax.__file__).parent.rglob("*.py")
    found = [
        re.findall(r"\bkey\(\s*f?\"([^\"]+)\"", file.read_text()) for file in files
    ]
    names = {name for each in found for name in each}
    for network in ("winner", "largest", *(f"random_{n}" for n in range(1, 100))):
        names |= {f"retrain/{network}/{what}" for what in ("init", "steps", "order")}
    assert {"search", "supernet/steps", "supernet/pool", "calibration"} <= names
    assert len({zlib.crc32(name.encode()) for name in names}) == len(names)


@pytest.mark.slow
def test_another_stage_and_another_strategy_move_no_training(
    finished_folder, tiny_config, tmp_path, quick
):
    """A reference stage goes between the supernet and the search."""
    tiny_config.search.update(score="fused", strategy="random", generations=1)
    tiny_config.fused.update(terms=("macs",), reference=5, calibrate=0)
    tiny_config.retrain.compare = False
    run_in(tmp_path / "other", tiny_config)
    before, after = map(read_artefacts, (finished_folder, tmp_path / "other"))
    assert "reference/weights.json" in after
    same = "supernet/checkpoints"
    assert before[same] == after[same]
