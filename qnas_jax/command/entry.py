"""Where the command starts: looks after signals, then does what the first word says.

Nothing heavy is imported before it is known to be needed.
"""

import importlib
import pathlib
import sys
from collections.abc import Sequence

from qnas_jax.command.helping import SUBCOMMANDS, full_help, help_text
from qnas_jax.errors import UserError
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.printing import say
from qnas_jax.stopping import end_on_signals

_HELP = ("-h", "-help", "--help", "-?", "--helpshort")
_MODULES = {
    "list": "listing",
    "doctor": "doctor",
    "compare": "comparing",
    "watch": "watching",
}


def main() -> None:
    """Runs the command line of this process and ends it with its status."""
    end_on_signals(command_line())
    sys.exit(run_command(sys.argv[1:]))


def command_line() -> list[str]:
    """The words that start this process again."""
    program = pathlib.Path(sys.argv[0]).name
    words = [program] if program == "qnas" else ["python", program]
    if program == "__main__.py":
        words = ["python", "-m", "qnas_jax"]
    return [*words, *sys.argv[1:]]


def run_command(words: Sequence[str]) -> int:
    """Does what a command line asks for.

    Args:
      words: without the program.

    Returns:
      The exit status: 0; 2 after a user's error, which is said in one line; of a run
      see `launch`.
    """
    try:
        if any(word in _HELP for word in words) and words[0] not in SUBCOMMANDS:
            return _answer(help_text())
        if "--helpfull" in words:
            return _answer(full_help())
        if "--version" in words:
            from qnas_jax import __version__

            return _answer(f"qnas_jax {__version__}")
        if words and words[0] in SUBCOMMANDS:
            module = importlib.import_module(f"qnas_jax.command.{_MODULES[words[0]]}")
            return int(module.run(words[1:]))
        return _run(words)
    except UserError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return 2


def _run(words: Sequence[str]) -> int:
    use_huge_pages()
    from qnas_jax.command.explaining import asked_for, explain
    from qnas_jax.command.parsing import parse_flags
    from qnas_jax.command.running import run_parsed

    names, rest = asked_for(words)
    parsed = parse_flags([sys.argv[0], *rest])
    if names:
        return _answer(*(line for n in names for line in explain(parsed.config, n)))
    return run_parsed(parsed, command_line())


def _answer(*lines: str) -> int:
    say(lines)
    return 0
