"""A whole job from Python: as `main.py` runs it, with its results at hand."""

import contextlib
import pathlib
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from qnas_jax.api.datasets import Arrays, write_arrays
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export.loading import load_model
from qnas_jax.export.model import Model
from qnas_jax.jobs.compiled_programs import (
    healed_compilation_cache,
    use_compilation_cache,
)
from qnas_jax.jobs.named_configs import make_config
from qnas_jax.jobs.registry import job_of, open_setting
from qnas_jax.jobs.runner import run_stages
from qnas_jax.jobs.speaking import SILENT, speaking
from qnas_jax.reporting.rows import read_jsonl
from qnas_jax.runs import WorkFolder, read_json
from qnas_jax.spaces import SPACES, SearchSpace, register_space
from qnas_jax.stopping import Stopped, StopRequest


class Run:
    """A work folder: what a run left in it.

    >>> import qnas_jax as qnas
    >>> qnas.Run("runs/not_there")
    Traceback (most recent call last):
    qnas_jax.errors.MissingFileError: runs/not_there: no such folder, expected one of...

    Attributes:
      workdir: the folder.
      lines: what its stages said, where it was run from here.
      stopped: whether it was stopped before its end; the same call goes on.
    """

    def __init__(
        self,
        workdir: str | pathlib.Path,
        lines: Iterable[str] = (),
        *,
        stopped: bool = False,
    ):
        """Opens a folder; nothing is read yet.

        Args:
          workdir: the folder of a run.
          lines: what its stages said.
          stopped: whether it was stopped.

        Raises:
          MissingFileError: there is no such folder.
        """
        self.workdir = pathlib.Path(workdir)
        if not self.workdir.is_dir():
            raise MissingFileError(f"{workdir}: no such folder, expected one of a run")
        self.lines = tuple(lines)
        self.stopped = stopped

    def __repr__(self) -> str:
        return "\n".join([f"Run({str(self.workdir)!r})", *self.lines])

    @property
    def best(self) -> dict[str, Any]:
        """What the search found: `arch`, `string`, `score`, `layers`, ..."""
        return self._read("best_arch.json")

    @property
    def result(self) -> dict[str, Any]:
        """Accuracies of the retrained networks, with intervals, and what they cost."""
        return self._read("result.json")

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every evaluation of the search."""
        return read_jsonl(self.workdir / "search" / "history.jsonl")

    @property
    def report(self) -> pathlib.Path:
        """The HTML page."""
        return self.workdir / "report.html"

    @property
    def model(self) -> Model:
        """The winner as a callable; see `load_model`."""
        return load_model(self.workdir)

    def _read(self, name: str) -> dict[str, Any]:
        path = self.workdir / name
        if not path.exists():
            raise MissingFileError(f"{path}: missing; the run has not come that far")
        found: dict[str, Any] = read_json(path)
        return found


def run(
    config: str | pathlib.Path | ml_collections.ConfigDict = "digits",
    overrides: Mapping[str, Any] | None = None,
    *,
    workdir: str | pathlib.Path,
    data: Arrays | None = None,
    space: SearchSpace | None = None,
    stage: str = "all",
    progress: bool = True,
) -> Run:
    """Runs a job as the command does: supernet, search, retraining, model, report.

    >>> import qnas_jax as qnas
    >>> done = qnas.run("digits", workdir="runs/digits")  # doctest: +SKIP
    >>> done.best["string"], done.model.predict(images)  # doctest: +SKIP

    Two minutes on two cores; on your own data and space:

    >>> qnas.run("digits", {"search.generations": 5}, workdir="runs/mine",
    ...          data=(images, labels), space=my_space)  # doctest: +SKIP

    Any job can be run, here a small cost that is minimised:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     options = {"solver.optimiser": "exhaustive"}
    ...     done = qnas.run("solver_maxcut", options, workdir=folder, progress=False)
    >>> "cost -12 " in done.lines[0]
    True

    What is finished is kept and what was stopped goes on, so the same call may be made
    again. Ctrl-C saves the state and gives back what there is; `stopped` says so.
    Compiled programs are kept in the user's cache folder, unless JAX was told where.

    Args:
      config: a name such as "digits", the path of a file, or a configuration.
      overrides: values by dotted names, for example {"search.population": 8}.
      workdir: folder of the run; made if absent.
      data: your arrays, see `load_dataset`; they are kept in the work folder.
      space: your space, in place of the one that the configuration names.
      stage: what to run; "all": whatever is not finished.
      progress: whether the standard error says how far stages are.

    Returns:
      The run: `.best`, `.result`, `.history`, `.model`, `.report`.

    Raises:
      UserError: something of these does not fit, or the folder is of another run.
    """
    made = make_config(config, overrides)
    stages = job_of(made).stage_names
    if stage not in stages:
        raise UserError(f"stage: got {stage!r}, expected one of {', '.join(stages)}")
    folder = WorkFolder(workdir)
    if data is not None:
        _put(made, "data", write_arrays(data, folder.path / "arrays.npz"))
    if space is not None:
        _put(made, "space", {"name": _registered(space), "file": ""})
    use_compilation_cache()
    stop = StopRequest()
    in_main = threading.current_thread() is threading.main_thread()
    with stop if in_main else contextlib.nullcontext(), healed_compilation_cache():
        setting = open_setting(
            made,
            folder,
            should_stop=stop,
            **(speaking(folder) if progress else SILENT),
        )
        try:
            lines = run_stages(setting, stage, ["qnas_jax.run"])
        except Stopped:
            return Run(folder.path, ["stopped; the same call goes on"], stopped=True)
    return Run(folder.path, lines)


def _put(
    config: ml_collections.ConfigDict, group: str, values: Mapping[str, Any]
) -> None:
    if group not in config:
        raise UserError(f"{group}: got one for a job that reads none")
    config[group].update(values)


def _registered(space: SearchSpace) -> str:
    """Makes a space known under its name, as configurations name spaces."""
    if not isinstance(space, SearchSpace):
        raise UserError(
            f"space: got {type(space).__name__}, expected a SearchSpace; one of the "
            "package is named by {'space.name': ...}"
        )
    known = SPACES.get(space.name)
    if getattr(known, "space", None) != space:
        builder = _Fixed(space)
        register_space(space.name, builder)
    return space.name


class _Fixed:
    """A builder of one space, whatever the data; networks check whether they fit."""

    def __init__(self, space: SearchSpace):
        self.space = space

    def __call__(
        self, input_shape: tuple[int, ...], num_classes: int, words: int = 0
    ) -> SearchSpace:
        """The space."""
        del input_shape, num_classes, words
        return self.space
