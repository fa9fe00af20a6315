"""Several processes, on one host or on many, that compute one run together.

All of them run the same program on the same data; each computes its part on its own
devices. The first one has the work folder. The others begin with a copy of it and
write into that copy, which is thrown away: so they go on from where the first one does.
Starting them wrongly is common, and ends in a program that waits for ever; what is
known of such starts is said in one line instead.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping

import jax
import numpy as np
from jax.experimental import multihost_utils

from qnas_jax.errors import UserError

_SLURM_STEP = ("SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS")
_PATIENCE = 120  # seconds until all processes must have come


@dataclasses.dataclass(frozen=True)
class Start:
    """How the processes find each other.

    Attributes:
      coordinator: `host:port` of the first process; "": the cluster's own environment
        (SLURM, Open MPI, TPU) says it.
      count: processes in all; None likewise.
      number: of this process, from 0; None likewise.
    """

    coordinator: str = ""
    count: int | None = None
    number: int | None = None

    def join(self, environ: Mapping[str, str]) -> None:
        """Waits for the other processes; to be called before JAX computes anything.

        Args:
          environ: the variables of the environment.

        Raises:
          UserError: the processes are started in a way that does not work, or do not
            come.
        """
        self.check(environ)
        try:
            jax.distributed.initialize(
                self.coordinator or None,
                self.count,
                self.number,
                initialization_timeout=_PATIENCE,
            )
        except (RuntimeError, ValueError, TypeError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(
                f"--distributed: the processes did not find each other ({first}); "
                "give each of them the same --coordinator=HOST:PORT and "
                "--num_processes, and a --process_id of its own, at the same time"
            ) from error

    def check(self, environ: Mapping[str, str]) -> None:
        """Raises UserError for a start that is known not to work."""
        given = [
            bool(self.coordinator),
            self.count is not None,
            self.number is not None,
        ]
        if any(given) and not all(given):
            raise UserError(
                "--coordinator, --num_processes, --process_id: got some of them, "
                "expected all three, or none under SLURM, Open MPI or on a TPU"
            )
        if self.count is not None and self.number is not None:
            if not 0 <= self.number < self.count:
                raise UserError(
                    f"--process_id: got {self.number}, expected 0..{self.count - 1}, "
                    "as there are --num_processes"
                )
            if not _is_address(self.coordinator):
                raise UserError(
                    f"--coordinator: got {self.coordinator!r}, expected HOST:PORT of "
                    "the process with --process_id=0"
                )
            return
        _check_slurm(environ)


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


def _check_slurm(environ: Mapping[str, str]) -> None:
    """Raises UserError if SLURM did not start what JAX will look for."""
    if "SLURM_JOB_ID" not in environ:
        return
    missing = [name for name in _SLURM_STEP if name not in environ]
    if missing:
        raise UserError(
            f"--distributed: SLURM_JOB_ID is set, but {', '.join(missing)} not: this "
            "is no step of the job (a login by ssh, or a batch script itself); start "
            "by `srun python main.py --distributed ...`"
        )
    tasks = int(environ["SLURM_NTASKS"])
    nodes = int(environ.get("SLURM_STEP_NUM_NODES", environ.get("SLURM_NNODES", "1")))
    if tasks == 1:
        raise UserError(
            "--distributed: SLURM started one task, which needs no --distributed: it "
            "has all GPUs of its node; for several nodes set --ntasks-per-node to the "
            "GPUs of a node"
        )
    if tasks < nodes:
        raise UserError(
            f"--distributed: SLURM started {tasks} tasks on {nodes} nodes, expected at "
            "least one a node; set --ntasks-per-node"
        )
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    local = int(environ["SLURM_LOCALID"])
    if visible is None or "JAX_LOCAL_DEVICE_IDS" in environ:
        return
    seen = len([name for name in visible.split(",") if name])
    if seen <= local:
        raise UserError(
            f"--distributed: task {local} of its node sees {seen} GPU "
            f"(CUDA_VISIBLE_DEVICES={visible}), and would look for GPU {local} among "
            "them; use --gpus-per-node instead of --gpus-per-task, or set "
            "JAX_LOCAL_DEVICE_IDS=0"
        )
    per_node = tasks // nodes
    if seen > per_node:
        raise UserError(
            f"--distributed: {seen} GPUs a node, and tasks for {per_node} of them, so "
            f"{seen - per_node} would be idle; set --ntasks-per-node={seen}, or "
            "JAX_LOCAL_DEVICE_IDS to those of each task"
        )


def several_processes() -> bool:
    """Whether this run is computed by several processes."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this process has the work folder and speaks."""
    return jax.process_index() == 0


@contextlib.contextmanager
def own_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The work folder as this process may use it.

    Args:
      folder: that of the run, on a file system that all processes share.

    Yields:
      The same for the first process; for others a copy, removed at the end.

    Raises:
      UserError: processes see different things there.
    """
    if not several_processes():
        yield folder
        return
    seen = multihost_utils.process_allgather(np.uint32(_state_of(folder)))
    if len(set(np.ravel(seen).tolist())) > 1:
        raise UserError(
            f"--workdir: the processes see different files in {folder}; put it on a "
            "file system that all hosts share"
        )
    if is_first():
        multihost_utils.sync_global_devices("copied")
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="qnas_jax-") as place:
        copy = pathlib.Path(place) / "run"
        if folder.is_dir():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*lock*"))
        multihost_utils.sync_global_devices("copied")
        yield copy


def _state_of(folder: pathlib.Path) -> int:
    """A number of what lies in a folder: names and sizes."""
    if not folder.is_dir():
        return 0
    files = sorted(
        f"{path.relative_to(folder)} {path.stat().st_size}"
        for path in folder.rglob("*")
        if path.is_file() and "lock" not in path.name
    )
    return zlib.crc32("\n".join(files).encode())
