"""Runs a job from the command line; all it does is parse flags.

python main.py --config=configs/digits.py --workdir=runs/digits [--stage=search]
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from absl import app, flags
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


def _parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a wrong one is one line and exit status 2."""
    from qnas_jax.jobs.overrides import check_overrides, missing_field

    argv = list(argv)
    if not any(a.lstrip("-").split("=")[0] == "config" for a in argv[1:]):
        argv.insert(1, f"--config={_DEFAULT_CONFIG}")
    try:
        check_overrides(argv)
        rest = flags.FLAGS(argv)
        file = config_flags.get_config_filename(flags.FLAGS["config"])
        if not pathlib.Path(file).is_file():
            raise FileNotFoundError(f"--config: got {file}, expected a Python file")
        _ = _CONFIG.value  # runs the file, which is the user's code
    except (KeyError, AttributeError) as error:
        _fail(missing_field(error, argv) or error)
    except Exception as error:
        _fail(error)
    if len(rest) > 1:
        _fail(f"got the argument {rest[1]!r}, expected flags only")
    return rest


def _fail(error: Exception | str) -> NoReturn:
    line = " ".join(str(error).split()) or type(error).__name__
    sys.stderr.write(f"error: {line}\n")
    sys.exit(2)


def main(argv: Sequence[str]) -> None:
    """Runs the stage that the flags name."""
    from qnas_jax.jobs.launch import launch

    config_file = config_flags.get_config_filename(flags.FLAGS["config"])
    workdir = _WORKDIR.value or pathlib.Path("runs") / pathlib.Path(config_file).stem
    status = launch(
        _CONFIG.value,
        stage=_STAGE.value,
        workdir=pathlib.Path(workdir),
        archs=_ARCHS.value,
        command=["python", pathlib.Path(argv[0]).name, *sys.argv[1:]],
    )
    sys.exit(status)


if __name__ == "__main__":
    use_huge_pages()
    app.run(main, flags_parser=_parse)
