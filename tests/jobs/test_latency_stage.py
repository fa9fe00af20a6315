"""The stage that measures: what it leaves, that it goes on, and what it refuses."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import run_stages
from qnas_jax.latency import calibrate, read_latency_table
from qnas_jax.runs import RowLog, RunError, read_rows
from qnas_jax.spaces import SPACES, parse_arch
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py", "--stage=latency"]


@pytest.fixture
def latency_config(tiny_config):
    tiny_config.latency.update(
        statistic="tenth", seconds=0.005, at_once=2, calibrate=2, validate=2
    )
    return tiny_config


def test_a_stopped_stage_goes_on_and_leaves_a_table(latency_config, make_setting):
    with pytest.raises(Stopped):
        run_stages(make_setting(latency_config, stop_after=3), "latency", COMMAND)
    setting = make_setting(latency_config)
    path = setting.folder.path
    begun = read_rows(path / "latency" / "rows.jsonl")
    assert [row["name"] for row in begun][0] == "call" and len(begun) == 3
    said = run_stages(setting, "latency", COMMAND)
    rows = read_rows(path / "latency" / "rows.jsonl")
    assert rows[:3] == begun
    names = [row["name"] for row in rows]
    # A call, a pass; stem, head of two; two ops and three; four networks.
    assert len(set(names)) == len(names) == 2 + 3 + 5 + 4
    assert "8 different blocks" in said[0] and "2 random networks" in said[1]

    found = json.loads((path / "latency.json").read_text())
    alone = {row["name"]: row["tenth_ms"] for row in rows}
    call, one_pass = alone["call"], alone["pass"]
    assert (found["call_ms"], found["pass_ms"]) == (call, one_pass)
    assert found["calibrated_by"] == 2

    def part(word):
        (name,) = [name for name in alone if name.startswith(word)]
        return max(alone[name] - one_pass, 0)

    layers = [
        {
            "mb1": part("mbconv(expansion=1,kernel=3) 8->8 /2"),
            "mb2": part("mbconv(expansion=2,kernel=3) 8->8 /2"),
        },
        {
            "mb1": part("mbconv(expansion=1,kernel=3) 8->8 /1"),
            "mb2": part("mbconv(expansion=2,kernel=3) 8->8 /1"),
            "skip": part("skip()"),
        },
    ]
    fixed = call + part("conv(") + part("global_average(") + part("classifier(")
    plain = {}
    for network in found["networks"]:
        ops = network["string"].split("|")
        sums = fixed + sum(own[op] for own, op in zip(layers, ops, strict=True))
        arch = parse_arch(setting.space, network["string"])
        (size,) = setting.costs.cost(arch[None])["bytes_32"]
        plain[network["string"]] = (sums, size)
        assert network["measured_ms"] == alone[f"network {network['string']}"]
    calibrating = [x for x in found["networks"] if x["role"] == "calibration"]
    sums, sizes = np.transpose([plain[each["string"]] for each in calibrating])
    measured = np.asarray([each["measured_ms"] for each in calibrating])
    scale, each_mib = calibrate(sums, sizes, measured)
    assert (found["scale"], found["ms_per_mib"]) == pytest.approx((scale, each_mib))
    # What a budget reads from the file is what the networks were judged by.
    table = read_latency_table(path / "latency.json", setting.space)
    for network in found["networks"]:
        arch = parse_arch(setting.space, network["string"])
        (cost,) = table.cost(arch[None])["latency_ms"]
        assert cost == pytest.approx(network["table_ms"])
        sums, size = plain[network["string"]]
        assert cost == pytest.approx(scale * sums + each_mib * size / 2**20)
    off = [
        abs(network["table_ms"] / network["measured_ms"] - 1)
        for network in found["networks"]
        if network["role"] == "validation"
    ]
    assert found["validation"]["median_error"] == pytest.approx(np.median(off))


def test_rows_of_another_machine_are_not_mixed_in(latency_config, make_setting):
    with pytest.raises(Stopped):
        run_stages(make_setting(latency_config, stop_after=1), "latency", COMMAND)
    setting = make_setting(latency_config)
    rows = setting.folder.path / "latency" / "rows.jsonl"
    (row,) = read_rows(rows)
    rows.unlink()
    RowLog(rows).append([{**row, "device": "a toaster"}])
    with pytest.raises(RunError, match="measured on 'a toaster', this is"):
        run_stages(setting, "latency", COMMAND)


def test_without_networks_there_is_nothing_to_measure(search_config, make_setting):
    with pytest.raises(UserError, match="--stage=latency: .* 'breads' are no networks"):
        run_stages(make_setting(search_config), "latency", COMMAND)


SUMS = {"mb1": 1.0, "mb2": 2.0}, {"mb1": 0.5, "mb2": 0.75, "skip": 0.0}


def measured_on_a_phone(columns):
    """All six networks of the tiny space, as if a phone had measured them."""
    lines = [",".join(["arch", *columns])]
    for first, one in SUMS[0].items():
        for second, other in SUMS[1].items():
            values = [str(scale * (3 + one + other)) for scale in columns.values()]
            lines.append(",".join([f"{first}|{second}", *values]))
    return "\n".join(lines)


def test_a_table_is_learnt_from_networks_measured_elsewhere(
    tiny_config, make_setting, tmp_path
):
    file, others = tmp_path / "phone.csv", tmp_path / "others.csv"
    file.write_text(measured_on_a_phone({"phone": 1.0, "watch": 10.0}))
    others.write_text(measured_on_a_phone({"phone": 0.1, "tv": 2.0}))
    tiny_config.latency.update(samples=str(file), references=str(others))
    tiny_config.latency.device = "phone"
    said = run_stages(make_setting(tiny_config), "latency", COMMAND)
    assert (
        "tiny on phone: learnt from 6 measured networks and tables of 1 oth" in said[0]
    )
    assert said[1].startswith("held out in 6 parts: Spearman ")
    # A search in this folder keeps to it: 3 + 1 + 0.5, and no more.
    tiny_config.constraints.max_latency_ms = 4.6
    setting = make_setting(tiny_config)
    found = json.loads((setting.folder.path / "latency.json").read_text())
    assert (found["device"], found["samples"], found["folds"]) == ("phone", 6, 6)
    assert f"Spearman {found['validation']['spearman']:.3f}" in said[1]
    archs = np.array(list(np.ndindex(2, 3)))
    expected = [3 + one + two for one in (1, 2) for two in (0.5, 0.75, 0)]
    costs = setting.costs_of(archs)["latency_ms"]
    np.testing.assert_allclose(costs, expected, rtol=0.02)
    assert setting.budget.within(archs).tolist() == [True, False, True] + 3 * [False]
    # Another folder reads it by its name.
    tiny_config.constraints.device = str(setting.folder.path / "latency.json")
    other = make_setting(tiny_config, "other")
    np.testing.assert_array_equal(other.costs_of(archs)["latency_ms"], costs)
    # Another content of the file makes another table.
    file.write_text(measured_on_a_phone({"phone": 2.0}))
    run_stages(make_setting(tiny_config), "latency", COMMAND)
    twice = read_latency_table(setting.folder.path / "latency.json", setting.space)
    np.testing.assert_allclose(twice.cost(archs)["latency_ms"], 2 * costs, rtol=0.02)


def test_ops_of_series_are_measured_and_a_limit_is_about_them(
    latency_config, make_setting, tmp_path
):
    """A sensor's series of two channels, a layer."""
    (tmp_path / "few.py").write_text(_FEW)
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(40, 16, 2))
    np.savez(tmp_path / "waves.npz", x_train=waves, y_train=np.arange(40) % 2)
    latency_config.data.update(source="series", path=str(tmp_path / "waves.npz"))
    latency_config.data.update(max_train=0, max_valid=0, max_test=0)
    latency_config.space.update(name="few", file=str(tmp_path / "few.py"))
    latency_config.latency.calibrate = 0
    try:
        setting = make_setting(latency_config)
        said = run_stages(setting, "latency", COMMAND)
        found = json.loads((setting.folder.path / "latency.json").read_text())
        ops = found["layers"][0]
        assert "5 different blocks" in said[0] and ops.keys() == {"conv", "skip"}
        latency_config.constraints.max_latency_ms = 1e-9
        with pytest.raises(UserError, match="max_latency_ms"):
            _ = make_setting(latency_config).budget
        # The slowest network keeps a limit of what the table says of it.
        slowest = max(each["table_ms"] for each in found["networks"])
        latency_config.constraints.max_latency_ms = 1.001 * slowest
        assert make_setting(latency_config).budget.within(np.array([[0], [1]])).all()
    finally:
        SPACES.pop("few", None)


_FEW = """
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op, register_space

OPS = (op("conv", "series_conv", kernel=3), op("skip", "series_skip"))


def build(shape, outputs):
    return NetworkSpace(
        name="few",
        layers=(Layer(2, 2, 1, OPS),),
        stem=(fixed(2, 2, 1, "series_conv"),),
        head=(fixed(2, 2, 1, "global_average"), fixed(2, outputs, 1, "classifier")),
        input_shape=shape,
        num_classes=outputs,
    )


register_space("few", build)
"""
