"""Runs a job from the command line; all it does is parse flags.

python main.py --config=configs/digits.py --workdir=runs/digits [--stage=search]
"""

# ruff: noqa: E402 - signals are looked after before anything else takes time
import pathlib
import sys

from qnas_jax.stopping import end_on_signals

_COMMAND = ["python", pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
if __name__ == "__main__":
    end_on_signals(_COMMAND)

from collections.abc import Sequence
from typing import NoReturn

from absl import app, flags, logging
from ml_collections import config_flags

from qnas_jax.huge_pages import use_huge_pages

_DEFAULT_CONFIG = "configs/digits.py"
_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The configuration; override by --config.group.field"
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; default: runs/<name of the configuration>"
)
_STAGE = flags.DEFINE_string("stage", "all", "What to run, and from where")
_ARCHS = flags.DEFINE_string(
    "archs", None, "JSON list of architectures, for --stage=describe"
)

_INPUT = flags.DEFINE_string(
    "input", None, "Folder of images, or npz file, for --stage=predict"
)
_ARCH = flags.DEFINE_string(
    "arch", None, "Architecture for --stage=export; short for --config.export.arch"
)
_FROM_SUPERNET = flags.DEFINE_bool(
    "from_supernet", None, "Short for --config.export.from_supernet"
)

_DEVICES = flags.DEFINE_integer(
    "devices", 0, "Among how many devices work is divided; 0: all that JAX has"
)
_DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "Compute the run together with other processes, as JAX does"
)
_COORDINATOR = flags.DEFINE_string(
    "coordinator", "", "HOST:PORT of the first process, where no cluster says it"
)
_NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes", None, "How many processes compute the run"
)
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Number of this process, from 0")


def _parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a wrong one is one line and exit status 2."""
    from qnas_jax.jobs.overrides import check_overrides, describe_parsing

    logging.set_verbosity(logging.ERROR)  # what is wrong is said once, by us
    argv = list(argv)
    if not any(a.lstrip("-").split("=")[0] == "config" for a in argv[1:]):
        argv.insert(1, f"--config={_DEFAULT_CONFIG}")
    try:
        rest = flags.FLAGS(check_overrides(argv))
        file = config_flags.get_config_filename(flags.FLAGS["config"])
        if not pathlib.Path(file.partition(":")[0]).is_file():
            raise FileNotFoundError(f"--config: got {file}, expected a Python file")
        getattr(_CONFIG.value, "job", None)  # raises what its file raised
    except Exception as error:
        _fail(describe_parsing(error, argv))
    if len(rest) > 1:
        _fail(f"got the argument {rest[1]!r}, expected flags only")
    return rest


def _fail(line: str) -> NoReturn:
    sys.stderr.write(f"error: {line}\n")
    sys.exit(2)


def main(argv: Sequence[str]) -> None:
    """Runs the stage that the flags name."""
    from qnas_jax.devices import Start
    from qnas_jax.jobs.launch import launch

    config_file = config_flags.get_config_filename(flags.FLAGS["config"])
    workdir = _WORKDIR.value or pathlib.Path("runs") / pathlib.Path(config_file).stem
    distributed = _DISTRIBUTED.value or bool(_COORDINATOR.value)
    status = launch(
        _CONFIG.value,
        stage=_STAGE.value,
        workdir=pathlib.Path(workdir),
        archs=_ARCHS.value,
        images=_INPUT.value,
        export={"arch": _ARCH.value, "from_supernet": _FROM_SUPERNET.value},
        command=_COMMAND,
        devices=_DEVICES.value,
        start=(
            Start(_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
            if distributed
            else None
        ),
    )
    sys.exit(status)


if __name__ == "__main__":
    use_huge_pages()
    app.run(main, flags_parser=_parse)
