"""Names of search spaces, and how a user adds one."""

import dataclasses
import inspect
import pathlib
from collections.abc import Callable
from typing import Any

from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.options import OptionError, Options, option
from qnas_jax.spaces.cell import nas_bench_201
from qnas_jax.spaces.language import language, language_tiny
from qnas_jax.spaces.macro import nas_bench_macro
from qnas_jax.spaces.mobile import fbnet_l, fbnet_s, proxylessnas
from qnas_jax.spaces.series import series, series_mini, series_tiny
from qnas_jax.spaces.shuffle import spos
from qnas_jax.spaces.small import cifar_small, digits, digits_tiny, edge
from qnas_jax.spaces.space import SearchSpace
from qnas_jax.spaces.text import text, text_mini, text_tiny
from qnas_jax.user_code.files import load_file

SpaceBuilder = Callable[..., SearchSpace]
"""From the shape of one input and the number of classes to the space; for text also
from the number of words that there are."""

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
    "series_mini": series_mini,
    "text": text,
    "text_tiny": text_tiny,
    "text_mini": text_mini,
    "language": language,
    "language_tiny": language_tiny,
}

BUILT_IN = frozenset(SPACES)
AUTO = "auto"
FIRST_SPACES = {
    "images": "digits",
    "series": "series_tiny",
    "text": "text_tiny",
    "language": "language_tiny",
}
"""By kind of data what `auto` means: small, so that a first run takes minutes."""
FOR_SERIES = frozenset({"series", "series_tiny", "series_mini"})
FOR_TEXT = frozenset({"text", "text_tiny", "text_mini"})
FOR_LANGUAGE = frozenset({"language", "language_tiny"})
_SERIES = "series [steps, channels]"
_IMAGES = "images [height, width, channels]"
_TEXT = "text [words, digits]"
_LANGUAGE = "running text [tokens, digits]"


@dataclasses.dataclass(frozen=True)
class SpaceOptions(Options):
    """Which space is searched.

    Raises:
      OptionError: a value is not allowed.
    """

    name: str = option(
        AUTO,
        "a registered space, or one that `file` registers; auto: the one that `file` "
        "registers, or without it a small one for the data",
    )
    file: str = option("", "Python file of yours that registers spaces and ops")

    def for_kind(self, kind: str) -> "SpaceOptions":
        """The same with the name of a space, if that follows from the data.

        Args:
          kind: of the examples, see `data.Dataset.kind`.
        """
        if self.name != AUTO or self.file:
            return self
        return SpaceOptions(FIRST_SPACES.get(kind, AUTO))


def build_space(
    options: SpaceOptions,
    input_shape: tuple[int, ...],
    num_outputs: int,
    words: int = 0,
    *,
    language: bool = False,
) -> SearchSpace:
    """Builds the space of a run.

    Args:
      options: name, and the file that may register it.
      input_shape: of one input, (height, width, channels) for images and
        (steps, channels) for series, (words of a sentence, digits) for text.
      num_outputs: what a network says of an example; the number of classes.
      words: that there are in text; 0: the data are no text.
      language: of each word a network says which one follows, not of the sentence.

    Returns:
      The space.

    Raises:
      OptionError: the file is missing, no such space is registered, or it is for other
        data.
      UserError: the data are none of these, or the file does not run.
    """
    form = _LANGUAGE if language else _form_of(input_shape, words)
    if form is None:
        raise UserError(
            f"space {options.name!r}: got inputs {list(input_shape)}, expected "
            f"{_SERIES} or {_IMAGES}"
        )
    name = _name_of(options)
    _check_form(name, form)
    arguments = (input_shape, num_outputs, *([words] if words else []))
    _check_builder(name, arguments)
    space = SPACES[name](*arguments)
    if not isinstance(space, SearchSpace):
        raise UserError(
            f"space {name!r}: got {type(space).__name__} {space!r} from its builder, "
            "expected a SearchSpace"
        )
    return space


def _name_of(options: SpaceOptions) -> str:
    """The name of a registered space; the file that may register it is run.

    Raises:
      OptionError: the file is missing, there is no such space, or none follows.
    """
    own = _registered_by(options.file) if options.file else []
    if options.name == AUTO and len(own) == 1:
        return own[0]
    if options.name == AUTO and options.file:
        names = ", ".join(own) or "none"
        allowed = f"the name of a space ({options.file} registers {names})"
        raise OptionError("name", AUTO, allowed)
    if options.name not in SPACES:
        near = did_you_mean(options.name, SPACES)
        raise OptionError("name", options.name, "one of " + ", ".join(SPACES) + near)
    return options.name


_registered: list[str] = []  # in the order of the calls, of all files


def _registered_by(file: str) -> list[str]:
    """Runs a user's file; the names of the spaces that it registers."""
    if not pathlib.Path(file).is_file():
        raise OptionError("file", file, "an existing Python file")
    before = len(_registered)
    load_file(file)
    return list(dict.fromkeys(_registered[before:]))


def _check_builder(name: str, arguments: tuple[Any, ...]) -> None:
    signature = inspect.signature(SPACES[name])
    try:
        signature.bind(*arguments)
    except TypeError:
        known = ("input_shape", "num_classes", "words")[: len(arguments)]
        raise UserError(
            f"space {name!r}: got a builder of {signature}, expected one of "
            f"({', '.join(known)}) for these data"
        ) from None


def _form_of(input_shape: tuple[int, ...], words: int) -> str | None:
    """What inputs are; None if there is no such form."""
    if words:
        return _TEXT
    return {2: _SERIES, 3: _IMAGES}.get(len(input_shape))


def _form_for(name: str) -> str:
    """What a built-in space is for."""
    if name in FOR_TEXT:
        return _TEXT
    if name in FOR_LANGUAGE:
        return _LANGUAGE
    return _SERIES if name in FOR_SERIES else _IMAGES


def _check_form(name: str, form: str) -> None:
    """A built-in space is for one form of inputs; a user's own knows for what."""
    if name in BUILT_IN and _form_for(name) != form:
        fitting = [
            each for each in SPACES if each not in BUILT_IN or _form_for(each) == form
        ]
        raise OptionError("name", name, f"one of {', '.join(fitting)} for {form}")


def register_space(name: str, builder: SpaceBuilder) -> None:
    """Makes a space available as `--config.space.name=<name>`.

    >>> import qnas_jax as qnas
    >>> def two_ops(input_shape, num_classes):
    ...     return qnas.SearchSpace("two_ops", (("a", "b"),) * 4)
    >>> qnas.register_space("two_ops", two_ops)
    >>> qnas.make_space("two_ops", (8, 8, 1), 10).size
    16

    Args:
      name: a new name.
      builder: (input_shape, num_classes) -> space; of text (input_shape, num_classes,
        words). A `BuildableSpace` can be trained; a plain `SearchSpace` is for
        evaluators that need no network (a table, a function of yours).

    Raises:
      UserError: the name is no word, or that of a built-in space.
    """
    if not isinstance(name, str) or not name:
        raise UserError(f"space name: got {name!r}, expected a word")
    if name in BUILT_IN:
        raise UserError(f"space {name!r}: a built-in space; choose another name")
    SPACES[name] = builder
    _registered.append(name)
