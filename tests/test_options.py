"""Option records: every wrong value is one line that names field, value and range."""

import dataclasses
import sys

import pytest
from absl import flags
from ml_collections import ConfigDict, config_flags

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.options import (
    OptionError,
    Options,
    accepts_text,
    describe_allowed,
    option,
    option_group,
    unknown_option,
)

KINDS = {"mean": sum}


@dataclasses.dataclass(frozen=True)
class Recipe(Options):
    epochs: int = option(10, "passes over the data", low=1)
    rate: float = option(0.1, "step size", above=0, high=1)
    decay: float = option(0.9, "share kept", low=0, below=1)
    flip: bool = option(True, "mirror at random")
    rule: str = option("cosine", "schedule", choices=("cosine", "step"))
    path: str = option("", "any text")


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("epochs", 0, "epochs: got 0, allowed: int >= 1"),
        ("epochs", 1.0, "epochs: got 1.0, allowed: int >= 1"),
        ("epochs", True, "epochs: got True, allowed: int >= 1"),
        ("epochs", "3", "epochs: got '3', allowed: int >= 1"),
        ("rate", 0.0, "rate: got 0.0, allowed: float > 0 and <= 1"),
        ("rate", 1.5, "rate: got 1.5, allowed: float > 0 and <= 1"),
        ("rate", float("nan"), "rate: got nan, allowed: float > 0 and <= 1"),
        ("rate", True, "rate: got True, allowed: float > 0 and <= 1"),
        ("decay", 1, "decay: got 1.0, allowed: float >= 0 and < 1"),
        ("decay", -0.1, "decay: got -0.1, allowed: float >= 0 and < 1"),
        ("flip", 1, "flip: got 1, allowed: bool"),
        ("rule", "linear", "rule: got 'linear', allowed: one of cosine, step"),
        ("rule", None, "rule: got None, allowed: one of cosine, step"),
        ("path", 3, "path: got 3, allowed: str"),
    ],
)
def test_a_wrong_value_is_one_line(field, value, line):
    with pytest.raises(OptionError) as caught:
        Recipe(**{field: value})
    assert str(caught.value) == line
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 1),
        ("epochs", 2**31 - 1),
        ("rate", 1e-12),
        ("rate", 1.0),
        ("decay", 0.0),
        ("decay", 1 - 1e-9),
        ("flip", False),
        ("rule", "step"),
        ("path", "somewhere"),
    ],
)
def test_the_borders_are_where_they_are_stated(field, value):
    assert getattr(Recipe(**{field: value}), field) == value


@pytest.mark.parametrize("digits", [10, 400, 6000])
def test_numbers_too_large_for_the_device_are_one_line(digits):
    value = 10**digits
    with pytest.raises(OptionError, match="allowed: int >= 1, at most 2147483647$"):
        Recipe(epochs=value)
    with pytest.raises(OptionError, match="^rate: got .*, allowed: float > 0 and <= 1"):
        Recipe(rate=value)
    with pytest.raises(OptionError, match="^sizes: got .*, at most 2147483647$"):
        Report(sizes=(1, value))


def test_a_limit_of_its_own_is_the_limit():
    @dataclasses.dataclass(frozen=True)
    class Seeds(Options):
        seed: int = option(0, "of a generator", low=0, below=2**32)

    assert Seeds(2**32 - 1).seed == 2**32 - 1
    with pytest.raises(OptionError, match="allowed: int >= 0 and < 4294967296$"):
        Seeds(2**32)


def test_errors_of_libraries_are_said_of_the_options_group():
    def said(error):
        with pytest.raises(UserError) as caught, option_group("search", Recipe):
            raise error
        assert type(caught.value) is type(error)
        return str(caught.value)

    assert said(UserError("epochs: got 3")) == "search.epochs: got 3"
    assert said(UserError("epochs, rate: got 3")) == "search.epochs, rate: got 3"
    assert said(OptionError("rate", 1, "2")) == "search.rate: got 1, allowed: 2"
    assert said(MissingFileError("path: no such")) == "search.path: no such"
    for line in ("epoch: got 3", "data.path: got 4", "no field at all"):
        assert said(UserError(line)) == line


def test_infinity_is_no_number_to_use():
    @dataclasses.dataclass(frozen=True)
    class Open(Options):
        value: float = option(0.0, "anything finite")

    assert Open(-1e300).value == -1e300
    with pytest.raises(OptionError, match="value: got inf, allowed: float"):
        Open(float("inf"))


def test_an_int_becomes_the_float_that_the_field_declares():
    rate = Recipe(rate=1).rate
    assert rate == 1.0 and type(rate) is float


def test_a_group_is_named_in_front_of_its_field():
    with pytest.raises(OptionError) as caught:
        Recipe(epochs=0)
    outer = caught.value.inside("supernet").inside("config")
    assert str(outer) == "config.supernet.epochs: got 0, allowed: int >= 1"
    assert (outer.got, outer.allowed) == (0, "int >= 1")


def test_a_record_is_frozen_hashable_and_replaced_only_by_allowed_values():
    recipe = Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 3  # type: ignore[misc]
    assert hash(recipe) == hash(Recipe()) and recipe == Recipe()
    with pytest.raises(OptionError, match="epochs: got -1"):
        dataclasses.replace(recipe, epochs=-1)


def test_what_is_allowed_in_words():
    words = {f.name: describe_allowed(f) for f in dataclasses.fields(Recipe)}
    assert words == {
        "epochs": "int >= 1",
        "rate": "float > 0 and <= 1",
        "decay": "float >= 0 and < 1",
        "flip": "bool",
        "rule": "one of cosine, step",
        "path": "str",
    }


@dataclasses.dataclass(frozen=True)
class Report(Options):
    budgets: tuple[float, ...] = option((50.0, 100.0), "looked at", above=0)
    columns: tuple[str, ...] = option((), "shown", of=str)
    sizes: tuple[int, ...] = option((1, 2), "counted", low=1)
    kinds: tuple[str, ...] = option(("mean",), "summaries", choices=lambda: KINDS)


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("budgets", (1, 2.5), (1.0, 2.5)),
        ("budgets", [3], (3.0,)),
        ("budgets", "1,2, 3", (1.0, 2.0, 3.0)),
        ("budgets", (), ()),
        ("columns", "op_1, op_2", ("op_1", "op_2")),
        ("columns", ("a,b", "c"), ("a", "b", "c")),
        ("columns", ("",), ()),
        ("sizes", ("4", 5), (4, 5)),
        ("kinds", "mean,mean", ("mean", "mean")),
    ],
)
def test_a_tuple_may_be_given_as_text(field, given, value):
    found = getattr(Report(**{field: given}), field)
    assert found == value
    assert list(map(type, found)) == list(map(type, value))


@pytest.mark.parametrize(
    ("field", "given", "allowed"),
    [
        ("budgets", (1.0, 0.0), "with commas between them, each float > 0"),
        ("budgets", "1,two", "with commas between them, each float > 0"),
        ("budgets", 3.0, "with commas between them, each float > 0"),
        ("sizes", (1, 2.0), "with commas between them, each int >= 1"),
        ("sizes", (True,), "with commas between them, each int >= 1"),
        ("columns", (3,), "with commas between them, each str"),
        ("kinds", "mean,mode", "with commas between them, each one of mean"),
    ],
)
def test_every_element_of_a_tuple_is_checked(field, given, allowed):
    with pytest.raises(OptionError) as caught:
        Report(**{field: given})
    assert str(caught.value) == f"{field}: got {given!r}, allowed: {allowed}"


def test_an_empty_tuple_says_what_its_elements_are():
    with pytest.raises(IndexError):
        option((), "of nothing")


def test_choices_are_those_of_the_registry_at_the_time(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Summary(Options):
        kind: str = option("mean", "of a row", choices=KINDS)

    with pytest.raises(OptionError, match="got 'mode', allowed: one of mean$"):
        Summary("mode")
    monkeypatch.setitem(KINDS, "mode", max)
    assert Summary("mode").kind == "mode" and Report(kinds="mode").kinds == ("mode",)


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--config.budgets=1,2.5,3"], "budgets", (1.0, 2.5, 3.0)),
        (["--config.budgets=(1, 2)"], "budgets", (1.0, 2.0)),
        (["--config.budgets=12000"], "budgets", (12000.0,)),
        (["--config.budgets=1", "--config.budgets=2"], "budgets", (1.0, 2.0)),
        (["--config.columns=op_1,op_2"], "columns", ("op_1", "op_2")),
        (["--config.columns=op_*"], "columns", ("op_*",)),
        (["--config.columns='op_*','x'"], "columns", ("op_*", "x")),
        (["--config.columns=op_*", "--config.columns=x"], "columns", ("op_*", "x")),
        (["--config.columns="], "columns", ()),
        (["--config.sizes=5,5"], "sizes", (5, 5)),
    ],
)
def test_tuples_on_the_command_line(monkeypatch, arguments, field, value):
    # The flags of a configuration look at the process's arguments.
    monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
    values = flags.FlagValues()
    default = ConfigDict(dataclasses.asdict(Report()))
    holder = config_flags.DEFINE_config_dict("config", default, flag_values=values)
    values(sys.argv)
    assert getattr(Report(**holder.value.to_dict()), field) == value
    fields = {one.name: one for one in dataclasses.fields(Report)}
    for argument in arguments:
        assert accepts_text(fields[field], argument.partition("=")[2])


def test_text_of_another_type_is_found_before_the_flags_are_parsed():
    fields = {one.name: one for one in dataclasses.fields(Report)}
    fields |= {one.name: one for one in dataclasses.fields(Recipe)}
    for name, text in [("sizes", "1,x"), ("epochs", "1.5"), ("flip", "maybe")]:
        assert not accepts_text(fields[name], text)
    for name, text in [("sizes", "1,2"), ("epochs", "0"), ("flip", "true")]:
        assert accepts_text(fields[name], text)


def test_an_unknown_name_is_answered_with_the_nearest_first():
    names = [field.name for field in dataclasses.fields(Recipe)]
    line = str(unknown_option("epcohs", 3, names))
    assert line.startswith("epcohs: got 3, allowed: one of epochs, ")
    listed, asked, near = line.partition("one of ")[2].partition(" (did you mean ")
    assert sorted(listed.split(", ")) == sorted(names) and near == "epochs?)"
    many = [f"field_{number}" for number in range(40)]
    line = str(unknown_option("feild_7", 3, many))
    assert "one of field_7, " in line and " and 15 more (did you mean field_" in line
    assert "did you mean" not in str(unknown_option("x", 3, many))


def test_a_wrong_choice_is_answered_with_the_nearest():
    with pytest.raises(OptionError) as error:
        Recipe(rule="cosin")
    assert str(error.value).endswith(" (did you mean cosine?)")


def test_a_record_gives_back_the_records_that_it_is_composed_of():
    @dataclasses.dataclass(frozen=True)
    class Both(Recipe, Report):
        pass

    assert Both(rate=0.5, sizes=(3,)).part(Report) == Report(sizes=(3,))
    assert Both(rate=0.5).part(Recipe) == Recipe(rate=0.5)
