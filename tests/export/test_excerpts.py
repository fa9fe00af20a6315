"""What is taken out of a text, and what is refused."""

import pytest

from qnas_jax.errors import UserError
from qnas_jax.export.excerpt import take_out

TEXT = '''
import functools
import os.path as place
from math import pi, tau

LIMIT = 3
OTHER = 4


def unused():
    return tau


def area(radius):
    """Of a circle."""
    return pi * square(radius)


@functools.cache
def square(number):
    return number**2 if number < LIMIT else missing_elsewhere(number)


def missing_elsewhere(number):
    from math import inf

    number = [each for each in (number, inf)]
    return min(number)


def broken():
    return nowhere
'''


def test_what_is_needed_is_taken_with_what_it_calls():
    found = take_out(TEXT, ["area"])
    assert found.imports == ("import functools", "from math import pi")
    assert list(found.definitions) == ["LIMIT", "area", "square", "missing_elsewhere"]
    assert found.definitions["square"].startswith("@functools.cache\ndef square")
    names = {}
    text = "\n".join([*found.imports, *found.definitions.values()])
    exec(text, names)  # noqa: S102 - the excerpt runs by itself
    assert names["area"](2) == pytest.approx(12.566370614)
    assert names["square"](9) == 9


def test_what_is_defined_counts_more_than_what_is_imported():
    found = take_out("from elsewhere import f\ndef f():\n    return 1\n", ["f"])
    assert found.imports == ()
    assert list(found.definitions) == ["f"]


def test_a_name_that_is_nowhere_is_refused():
    with pytest.raises(UserError, match="nowhere is not defined"):
        take_out(TEXT, ["broken"])
