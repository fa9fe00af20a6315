"""Configurations are found by name, and what they name, from any folder."""

import pytest

from qnas_jax.errors import MissingFileError
from qnas_jax.jobs import job_of, named_config
from qnas_jax.shipped import (
    config_file,
    config_names,
    config_summary,
    shipped_file,
)


@pytest.mark.parametrize("name", config_names())
def test_a_name_is_enough_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_file(name) == config_file(f"configs/{name}.py")
    assert config_summary(name)
    assert job_of(named_config(name)).name in ("nas", "benchmark", "solve")


@pytest.mark.parametrize("name", config_names())
def test_a_configuration_imports_nothing_from_its_folder(name):
    """A wheel has no package `configs`; `named_config` serves everywhere."""
    text = config_file(name).read_text()
    assert "from configs" not in text and "import configs" not in text


def test_what_configurations_name_is_there_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for config, group in (
        ("solver_maxcut", "problem"),
        ("benchmark_own_table", "table"),
    ):
        assert shipped_file(named_config(config)[group].file).is_file()


def test_a_file_of_the_user_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    own = tmp_path / "configs" / "digits.py"
    own.write_text("def get_config():\n    return 3\n")
    assert config_file("configs/digits.py").resolve() == own
    assert config_file("digits") != own
    assert named_config("configs/digits.py") == 3


@pytest.mark.parametrize("name", ["digts", "configs/digts.py", "Digits"])
def test_a_typo_is_answered_with_the_nearest(name):
    with pytest.raises(MissingFileError) as error:
        config_file(name)
    assert str(error.value).endswith(" (did you mean digits?)")
    assert str(error.value).startswith(f"--config: got {name}, expected a Python file")


def test_other_paths_stay_as_they_are(tmp_path):
    assert shipped_file(tmp_path / "mine.csv") == tmp_path / "mine.csv"
    assert not shipped_file("configs/nope.csv").exists()
