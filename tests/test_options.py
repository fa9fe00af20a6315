"""Option records: every wrong value is one line that names field, value and range."""

import dataclasses

import pytest

from qnas_jax.options import OptionError, Options, describe_allowed, option


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
        ("epochs", 10**400),
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
