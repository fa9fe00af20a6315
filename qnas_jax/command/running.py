"""From parsed flags to a run."""

import pathlib

from qnas_jax.command.parsing import Parsed
from qnas_jax.devices import Start
from qnas_jax.jobs.launch import launch


def run_parsed(parsed: Parsed, command: list[str]) -> int:
    """Runs the stage that the flags name.

    Args:
      parsed: the flags.
      command: the command line, to be recorded and shown.

    Returns:
      The exit status, see `launch`.
    """
    values = parsed.values
    distributed = values["distributed"] or bool(values["coordinator"])
    return launch(
        parsed.config,
        stage=values["stage"],
        workdir=pathlib.Path(values["workdir"] or f"runs/{parsed.name}"),
        archs=values["archs"],
        images=values["input"],
        export={name: values[name] for name in ("arch", "from_supernet")},
        command=command,
        devices=values["devices"],
        start=(
            Start(values["coordinator"], values["num_processes"], values["process_id"])
            if distributed
            else None
        ),
    )
