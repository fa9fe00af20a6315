"""Every configuration loads, is valid, and every field of it is read somewhere."""

import dataclasses
import importlib
import json
import pathlib
import re

import ml_collections
import pytest

from qnas_jax.jobs import JOBS, default_config, job_of
from qnas_jax.jobs.config import read_config_of, stored_groups
from qnas_jax.jobs.overrides import check_overrides
from qnas_jax.options import OptionError
from qnas_jax.searching import SearchOptions

ROOT = pathlib.Path(__file__).resolve().parent.parent
GROUPS = {
    f"{job.name}: {group}": record
    for job in JOBS.values()
    for group, record in job.all_groups.items()
}
NAMES = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_is_valid_and_survives_json(name):
    values = importlib.import_module(f"configs.{name}").get_config()
    job = job_of(values)
    checked = read_config_of(job, values)
    text = json.dumps(stored_groups(job, checked))
    assert read_config_of(job, ml_collections.ConfigDict(json.loads(text))) == checked


@pytest.mark.parametrize("name", [name for name in NAMES if name != "default"])
def test_a_configuration_is_a_lab_note(name):
    header = importlib.import_module(f"configs.{name}").__doc__
    assert f"python main.py --config=configs/{name}.py" in header
    assert "Measured" in header


@pytest.mark.parametrize("group", GROUPS)
def test_every_field_is_read(group):
    # A declaration has no dot before the name; a use has, or names it by a string.
    sources = [path.read_text() for path in (ROOT / "qnas_jax").rglob("*.py")]
    text = "\n".join(sources)
    for field in dataclasses.fields(GROUPS[group]):
        assert re.search(rf"[.\"']{field.name}\b", text), f"{group}.{field.name}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            {"search": {"generations": 0}},
            "search.generations: got 0, allowed: int >= 1",
        ),
        ({"supernet": {"sampler": "x"}}, "supernet.sampler: got 'x', allowed: one of"),
        (
            {"supernet": {"sampler": "balance_pool"}},
            "supernet.sampler: got 'balance_pool', allowed: one of uniform, fair, "
            "strict_fair, stratified, sandwich (the pool goes on top of any of them: "
            "did you mean sampler=fair and pool_share=0.5?)",
        ),
        ({"supernet": {"epochs": 1.5}}, "supernet.epochs: got 1.5, allowed: int >= 1"),
        ({"retrain_images": {"flip": 1}}, "retrain_images.flip: got 1, allowed: bool"),
        (
            {"search": {"strategy": "hyperband"}},
            "search.strategy: got 'hyperband', allowed: one of qbit, ",
        ),
        ({"search": {"generatoins": 1}}, "search.generatoins: got 1, allowed: one of"),
        ({"sedd": 1}, "sedd: got 1, allowed: one of"),
        ({"seed": True}, "seed: got True, allowed: int >= 0"),
        ({"seed": -1}, "seed: got -1, allowed: int >= 0"),
        ({"seed": 2**32}, "seed: got 4294967296, allowed: int >= 0 and < 4294967296"),
        ({"seed": 2**64}, "seed: got 18446744073709551616, allowed: int >= 0 and <"),
        (
            {"data": {"split_seed": 2**32}},
            "data.split_seed: got 4294967296, allowed: int >= 0 and < 4294967296",
        ),
    ],
)
def test_a_bad_value_is_one_line(override, message):
    values = default_config().to_dict()
    for name, value in override.items():
        if isinstance(value, dict):
            values[name].update(value)
        else:
            values[name] = value
    with pytest.raises(OptionError) as error:
        read_config_of(JOBS["nas"], ml_collections.ConfigDict(values))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_an_option_of_another_strategy_is_neither_checked_nor_stored():
    job, values = JOBS["nas"], default_config()
    values.search.strategy, values.qudit.angle = "qbit", 7.0
    values.qbit.angle = 0.2
    stored = stored_groups(job, read_config_of(job, values))
    assert stored["qbit"]["angle"] == 0.2
    assert "qudit" not in stored
    values.search.strategy = "qudit"
    with pytest.raises(OptionError, match="qudit.angle: got 7.0, allowed: float > 0"):
        read_config_of(job, values)


def test_a_typo_is_answered_with_the_names_of_its_group():
    values = default_config().to_dict()
    values["qudit"]["agnle"] = 0.1
    with pytest.raises(OptionError) as error:
        read_config_of(JOBS["nas"], ml_collections.ConfigDict(values))
    line = str(error.value)
    assert line.startswith("qudit.agnle: got 0.1, allowed: one of angle, ")
    assert "learning_rate" not in line and len(line) < 250


def test_overrides_are_checked_before_parsing():
    check_overrides(["main.py", "--config.search.generations=3", "--config.seed=1"])
    check_overrides(["main.py", "--config.search.generations", "3", "--stage=all"])
    # A group of this name is there for the strategy and for the optimiser.
    check_overrides(["--config.exhaustive.order=counting"])
    check_overrides(["--config.exhaustive.keep=3"])
    for argument, message in [
        ("--config.search.x=1", "search.x: got '1', allowed: one of"),
        (
            "--config.search.calibration_batches=1",
            "search.calibration_batches: got '1', allowed: one of generations, "
            "population, objectives, strategy, score, front_strategy "
            "(did you mean scoring.calibration_batch?)",
        ),
        ("--config.search.generations=a", "search.generations: got 'a', allowed: int"),
        (
            "--config.retrain_images.flip=maybe",
            "retrain_images.flip: got 'maybe', allowed: bool",
        ),
        ("--config.other.x=1", "other.x: got '1', allowed: a field of"),
    ]:
        with pytest.raises(OptionError) as error:
            check_overrides(["main.py", argument])
        assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "name", ["digits", "cifar10_small", "cifar10_bqnas", "cifar100_bqnas"]
)
def test_jobs_on_images_take_the_default_strategy(name):
    config = importlib.import_module(f"configs.{name}").get_config()
    assert config.search.strategy == SearchOptions().strategy
