"""Names of search spaces, and how a user adds one."""

import dataclasses
import pathlib
from collections.abc import Callable

from qnas_jax.errors import UserError
from qnas_jax.options import OptionError, Options, option
from qnas_jax.spaces.cell import nas_bench_201
from qnas_jax.spaces.macro import nas_bench_macro
from qnas_jax.spaces.mobile import fbnet_l, fbnet_s, proxylessnas
from qnas_jax.spaces.series import series, series_tiny
from qnas_jax.spaces.shuffle import spos
from qnas_jax.spaces.small import cifar_small, digits, digits_tiny, edge
from qnas_jax.spaces.space import SearchSpace
from qnas_jax.user_code.files import load_file

SpaceBuilder = Callable[[tuple[int, ...], int], SearchSpace]
"""From the shape of one input and the number of classes to the space."""

SPACES: dict[str, SpaceBuilder] = {
    "proxylessnas": proxylessnas,
    "fbnet_s": fbnet_s,
    "fbnet_l": fbnet_l,
    "spos": spos,
    "nas_bench_macro": nas_bench_macro,
    "nas_bench_201": nas_bench_201,
    "digits": digits,
    "digits_tiny": digits_tiny,
    "cifar_small": cifar_small,
    "edge": edge,
    "series": series,
    "series_tiny": series_tiny,
}

BUILT_IN = frozenset(SPACES)
FOR_SERIES = frozenset({"series", "series_tiny"})
_FORMS = {
    2: "series [steps, channels]",
    3: "images [height, width, channels]",
}


@dataclasses.dataclass(frozen=True)
class SpaceOptions(Options):
    """Which space is searched.

    Raises:
      OptionError: a value is not allowed.
    """

    name: str = option("digits", "a registered space, or one that `file` registers")
    file: str = option("", "Python file of yours that registers spaces and ops")


def build_space(
    options: SpaceOptions, input_shape: tuple[int, ...], num_outputs: int
) -> SearchSpace:
    """Builds the space of a run.

    Args:
      options: name, and the file that may register it.
      input_shape: of one input, (height, width, channels) for images and
        (steps, channels) for series.
      num_outputs: what a network says of an example; the number of classes.

    Returns:
      The space.

    Raises:
      OptionError: the file is missing, no such space is registered, or it is for other
        data.
      UserError: the data are neither images nor series, or the file does not run.
    """
    if len(input_shape) not in _FORMS:
        raise UserError(
            f"space {options.name!r}: got inputs {list(input_shape)}, expected "
            + " or ".join(_FORMS.values())
        )
    if options.file:
        if not pathlib.Path(options.file).is_file():
            raise OptionError("file", options.file, "an existing Python file")
        load_file(options.file)
    if options.name not in SPACES:
        raise OptionError("name", options.name, "one of " + ", ".join(SPACES))
    _check_form(options.name, input_shape)
    space = SPACES[options.name](input_shape, num_outputs)
    if not isinstance(space, SearchSpace):
        raise UserError(
            f"space {options.name!r}: got {type(space).__name__} {space!r} from its "
            "builder, expected a SearchSpace"
        )
    return space


def _check_form(name: str, input_shape: tuple[int, ...]) -> None:
    """A built-in space is for images or for series; a user's own knows for what."""
    of_series = len(input_shape) == 2
    if name in BUILT_IN and (name in FOR_SERIES) != of_series:
        fitting = [
            each
            for each in SPACES
            if (each in FOR_SERIES) == of_series or each not in BUILT_IN
        ]
        form = _FORMS[len(input_shape)]
        raise OptionError("name", name, f"one of {', '.join(fitting)} for {form}")


def register_space(name: str, builder: SpaceBuilder) -> None:
    """Makes a space available as `--config.space.name=<name>`.

    Args:
      name: a new name.
      builder: (input_shape, num_classes) -> space. A `BuildableSpace` can be trained; a
        plain `SearchSpace` is for evaluators that need no network (a table, a function
        of yours).

    Raises:
      UserError: the name is no word, or that of a built-in space.
    """
    if not isinstance(name, str) or not name:
        raise UserError(f"space name: got {name!r}, expected a word")
    if name in BUILT_IN:
        raise UserError(f"space {name!r}: a built-in space; choose another name")
    SPACES[name] = builder
