"""The configurations that come with the package, and the files that they name.

They are the folder `configs` of a checkout, which a wheel has as `qnas_jax/configs`.
A name or a path `configs/...` means the same from any working folder.
"""

import ast
import pathlib

from qnas_jax.errors import MissingFileError, did_you_mean

_PACKAGE = pathlib.Path(__file__).resolve().parent
_FOLDER = "configs"


def config_folder() -> pathlib.Path:
    """The folder of the configurations."""
    in_wheel = _PACKAGE / _FOLDER
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / _FOLDER


def config_names() -> list[str]:
    """The names that `--config` knows."""
    return sorted(path.stem for path in config_folder().glob("*.py"))


def config_summary(name: str) -> str:
    """The first line of a configuration's header, which is not run."""
    text = (config_folder() / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def shipped_file(path: str | pathlib.Path) -> pathlib.Path:
    """A file that a configuration names.

    Args:
      path: as named; `~` is the home folder.

    Returns:
      The path as it is, unless nothing is there and it names one of ours,
      `configs/...`.
    """
    named = pathlib.Path(path).expanduser()
    if named.exists() or named.parts[:1] != (_FOLDER,):
        return named
    ours = config_folder().joinpath(*named.parts[1:])
    return ours if ours.is_file() else named


def config_file(name: str) -> pathlib.Path:
    """The file that `--config` means.

    Args:
      name: of one of our configurations, or the path of a Python file.

    Returns:
      The file.

    Raises:
      MissingFileError: there is none; the line says which name is nearest.
    """
    file = shipped_file(name)
    if file.is_file():
        return file
    ours = config_folder() / f"{name}.py"
    if name in config_names():
        return ours
    stem = pathlib.PurePath(name).stem
    raise MissingFileError(
        f"--config: got {name}, expected a Python file or one of "
        f"{', '.join(config_names())}{did_you_mean(stem, config_names())}"
    )
