"""What `--help` and `--helpfull` print, of the flags and options as they are."""

from qnas_jax.command.flags import GROUPS, Flag

_HEAD = """\
qnas: searches neural architectures, retrains the winner, says what it is worth

  qnas --config=digits                       runs a configuration to its report
  qnas --config=digits --stage=search        runs one stage of it again
  qnas --config=digits --config.search.generations=50
  qnas --config=digits '--config.search.generations=?'
  qnas --stage=predict --workdir=runs/digits --input=FOLDER
"""

SUBCOMMANDS = {
    "list": "names that there are: configs, stages, strategies, spaces, datasets, ...",
    "doctor": "versions, devices, data, caches, and a self-test of some seconds",
    "compare": "runs side by side: qnas compare runs/* --html=page.html",
    "watch": "how far a run is: qnas watch runs/digits",
}
"""What stands first on a command line instead of flags, by name."""

_OPTIONS = (
    ("--config.GROUP.FIELD=VALUE", "sets an option of the configuration"),
    ("--config.GROUP.FIELD=?", "explains it; --config.GROUP=? a whole group"),
)
_TAIL = "--help: this page. --helpfull: all options. --version."
_WIDTH = 29


def help_text() -> str:
    """The page of `--help`."""
    parts = [_HEAD, *(_block(name, flags) for name, flags in GROUPS.items())]
    parts.insert(2, "\n".join(["Options", *(_line(*row) for row in _OPTIONS), ""]))
    commands = [_line(f"qnas {name}", doc) for name, doc in SUBCOMMANDS.items()]
    return "\n".join([*parts, "Other commands", *commands, "", _TAIL])


def full_help() -> str:
    """The page of `--helpfull`: every option of every kind of configuration."""
    from qnas_jax.command.explaining import explain_all

    return f"{help_text()}\n\n{explain_all()}"


def _block(title: str, flags: tuple[Flag, ...]) -> str:
    return "\n".join([title, *(_line(_usage(flag), flag.doc) for flag in flags), ""])


def _usage(flag: Flag) -> str:
    return f"--{flag.name}={flag.shown}" if flag.shown else f"--[no]{flag.name}"


def _line(left: str, right: str) -> str:
    return f"  {left:{_WIDTH}} {right}"
