"""Commands that a reader can run, in the words of the command that made the folder."""

import itertools
import shlex
from typing import NamedTuple

from qnas_jax.reporting.rows import Row, Run


class _Input(NamedTuple):
    """What models take: for a shell, in words, and for Python."""

    word: str
    argument: str
    variable: str
    form: str


_INPUTS = {
    "images": _Input(
        "FOLDER", "a folder of images or an npz file", "images", "uint8 [N, {shape}]"
    ),
    "series": _Input(
        "FILE", "an npz or text file of series", "series", "float32 [N, {shape}]"
    ),
    "text": _Input(
        "FILE", "a file with a sentence a line", "sentences", "a list of strings"
    ),
    "language": _Input(
        "FILE", "a file with a text a line", "texts", "a list of strings"
    ),
}


class Predicting(NamedTuple):
    """How to ask the model.

    Attributes:
      command: a line of a shell.
      argument: what stands for the input, in words.
      python: lines of Python.
    """

    command: str
    argument: str
    python: str


def told_command(environment: Row) -> str | None:
    """The command that made the folder, as text; None if it is not known."""
    command = environment.get("command")
    return shlex.join(command) if isinstance(command, list) else command


def program(environment: Row) -> str:
    """What the command began with, up to its first flag; `qnas` if it is not known."""
    words = _words(environment)
    first = next((i for i, word in enumerate(words) if word.startswith("-")), None)
    begin = [word for word in words[:first] if word]
    return shlex.join(begin) if begin and first else "qnas"


def typed_workdir(run: Run) -> str:
    """The work folder as the command named it; else by its own name."""
    words = _words(run.environment or {})
    for word, following in itertools.pairwise([*words, ""]):
        name, _, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "workdir":
            return value or following
    return run.name


def again_with(run: Run, *flags: str, workdir: str | None = None) -> str:
    """The run's command with other flags.

    Args:
      run: the rows of a work folder.
      *flags: `--name=value` to add, in the place of those of the same name.
      workdir: another work folder; None: the same.

    Returns:
      A line of a shell; as of an unknown command, only what is certain.
    """
    environment = run.environment or {}
    words = _words(environment)
    start = next((i for i, w in enumerate(words) if w.startswith("-")), len(words))
    names = {flag.partition("=")[0] for flag in flags} | {"--stage", "--workdir"}
    kept = [w for w in words[start:] if w.partition("=")[0] not in names]
    folder = f"--workdir={workdir or typed_workdir(run)}"
    return f"{program(environment)} {shlex.join([*kept, folder, *flags])}"


def predicting(run: Run) -> Predicting | None:
    """How to predict with the model of the folder; None where there is no model."""
    if run.model is None:
        return None
    folder = typed_workdir(run)
    kind = str(run.model.get("inputs", "images"))
    other = _Input("INPUT", f"{kind} to be classified", kind, "[N, {shape}]")
    asked = _INPUTS.get(kind, other)
    shape = ", ".join(str(size) for size in run.model.get("input_shape") or [])
    flags = shlex.join(
        ["--stage=predict", f"--workdir={folder}", f"--input={asked.word}"]
    )
    lines = (
        "from qnas_jax import load_model",
        "",
        f"model = load_model({folder!r})",
        f"names, probabilities = model.predict({asked.variable})  "
        f"# {asked.form.format(shape=shape)}",
    )
    command = f"{program(run.environment or {})} {flags}"
    return Predicting(command, asked.argument, "\n".join(lines))


def _words(environment: Row) -> list[str]:
    command = told_command(environment)
    if not isinstance(command, str):
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return []
