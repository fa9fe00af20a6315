"""Names that a user chose among those that there are, and options by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from qnas_jax.options import OptionError, Options, unknown_option


def chosen(what: str, name: Any, known: Mapping[str, Any]) -> Any:
    """What stands under a name.

    Args:
      what: what is chosen, for errors.
      name: the name.
      known: all by name.

    Raises:
      OptionError: there is nothing of that name; the nearest ones come first.
    """
    if not isinstance(name, str) or name not in known:
        raise unknown_name(what, name, known)
    return known[name]


def unknown_name(what: str, name: Any, known: Iterable[str]) -> OptionError:
    """The error for a value that is none of some names, the nearest first."""
    return OptionError(what, name, unknown_option(str(name), name, known).allowed)


def options_by_name(
    record: type[Options], given: Mapping[str, Any], group: str
) -> Options:
    """A record of options from those that differ from their defaults.

    Args:
      record: its class.
      given: values by name.
      group: what has these options, for errors.

    Raises:
      OptionError: there is no such option, or its value is not allowed.
    """
    known = record.__dataclass_fields__
    for name, value in given.items():
        if name not in known:
            raise unknown_option(name, value, known).inside(group)
    try:
        return record(**given)
    except OptionError as error:
        raise error.inside(group) from None
