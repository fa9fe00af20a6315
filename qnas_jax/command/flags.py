"""The flags of a run as data: help shows them without loading anything else."""

from typing import NamedTuple


class Flag(NamedTuple):
    """One flag of a run.

    Attributes:
      name: without dashes.
      default: also its type, where there is one.
      doc: one line.
      kind: type of its value.
      shown: what stands for its value in the help.
    """

    name: str
    default: str | int | bool | None
    doc: str
    kind: type = str
    shown: str = ""


CONFIG = Flag(
    "config",
    None,
    "configuration: a name (`qnas list configs`) or a Python file; digits at first",
    shown="NAME",
)

GROUPS: dict[str, tuple[Flag, ...]] = {
    "What is run": (
        CONFIG,
        Flag("workdir", None, "folder of the run; runs/NAME at first", shown="FOLDER"),
        Flag(
            "stage",
            "all",
            "what to run, and what follows it (`qnas list stages`)",
            shown="STAGE",
        ),
    ),
    "What single stages take": (
        Flag(
            "input",
            None,
            "predict: folder of images, or file of images, series or text",
            shown="PATH",
        ),
        Flag("archs", None, "describe: JSON list of architectures", shown="FILE"),
        Flag("arch", None, "export: short for --config.export.arch", shown="ARCH"),
        Flag(
            "from_supernet",
            None,
            "export: short for --config.export.from_supernet",
            bool,
        ),
    ),
    "Several devices": (
        Flag(
            "devices",
            0,
            "among how many devices work is divided; 0: all that JAX has",
            int,
            "N",
        ),
        Flag(
            "distributed",
            False,
            "compute the run together with other processes, as JAX does",
            bool,
        ),
        Flag(
            "coordinator",
            "",
            "address of the first process, where no cluster says it",
            shown="HOST:PORT",
        ),
        Flag("num_processes", None, "how many processes compute the run", int, "N"),
        Flag("process_id", None, "number of this process, from 0", int, "N"),
    ),
}
"""The flags of a run by what they are for."""

FLAGS: tuple[Flag, ...] = tuple(flag for group in GROUPS.values() for flag in group)
"""All of them."""
