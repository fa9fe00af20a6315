"""From a command line to a configuration and the flags beside it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ml_collections
from absl import flags, logging
from ml_collections import config_flags

from qnas_jax.command.flags import CONFIG, FLAGS
from qnas_jax.command.helping import SUBCOMMANDS
from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.jobs import STAGES
from qnas_jax.jobs.overrides import check_overrides, describe_parsing
from qnas_jax.shipped import config_file, config_names

_DEFAULT_CONFIG = "digits"
_DEFINE: dict[type, Callable[..., Any]] = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    bool: flags.DEFINE_bool,
}


class Parsed(NamedTuple):
    """What a command line asks for.

    Attributes:
      config: the configuration, with its overrides.
      name: of the configuration, without folder and suffix.
      values: of the other flags, by name.
    """

    config: ml_collections.ConfigDict
    name: str
    values: dict[str, Any]


def parse_flags(argv: Sequence[str]) -> Parsed:
    """Parses the flags of a run.

    Args:
      argv: the command line, the program first.

    Returns:
      What it asks for.

    Raises:
      UserError: a flag, a value or the configuration cannot be used.
    """
    logging.set_verbosity(logging.ERROR)  # what is wrong is said once, by us
    argv = list(argv)
    if not any(_is_config(word) for word in argv[1:]):
        argv.insert(1, f"--config={_DEFAULT_CONFIG}")
    try:
        argv = check_overrides(_with_files(argv))
        values = flags.FlagValues()
        holder = config_flags.DEFINE_config_file(
            CONFIG.name, None, CONFIG.doc, values, sys_argv=argv
        )
        for flag in FLAGS:
            if flag is not CONFIG:
                _DEFINE[flag.kind](
                    flag.name, flag.default, flag.doc, flag_values=values
                )
        rest = values(argv)
        config = holder.value
        getattr(config, "job", None)  # raises what its file raised
    except Exception as error:
        raise UserError(describe_parsing(error, argv)) from error
    if len(rest) > 1:
        raise UserError(_bare_word(rest[1]))
    file = config_flags.get_config_filename(values[CONFIG.name])
    others = {flag.name: values[flag.name].value for flag in FLAGS}
    return Parsed(config, _stem(file), others)


def _is_config(word: str) -> bool:
    return word.startswith("-") and word.lstrip("-").partition("=")[0] == CONFIG.name


def _stem(file: str) -> str:
    name = file.partition(":")[0].replace("\\", "/").rpartition("/")[2]
    return name.removesuffix(".py")


def _with_files(argv: list[str]) -> list[str]:
    """The command line with the files of configurations that it names."""
    found = list(argv)
    for place, word in enumerate(argv):
        if not _is_config(word):
            continue
        _, equals, value = word.partition("=")
        if equals:
            found[place] = f"--{CONFIG.name}={_file_of(value)}"
        elif place + 1 < len(argv):
            found[place + 1] = _file_of(argv[place + 1])
    return found


def _file_of(value: str) -> str:
    """A configuration's file, with the argument that follows a colon."""
    name, colon, argument = value.partition(":")
    return f"{config_file(name)}{colon}{argument}"


def _bare_word(word: str) -> str:
    """What is wrong with a word that is no flag."""
    if word in STAGES:
        hint = f" (did you mean --stage={word}?)"
    elif word in config_names():
        hint = f" (did you mean --config={word}?)"
    else:
        hint = did_you_mean(word, (*SUBCOMMANDS, *STAGES))
    return f"got the argument {word!r}, expected flags, see --help{hint}"
