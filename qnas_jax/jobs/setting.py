"""What every stage works with: configuration, folder, keys, and how to talk."""

import dataclasses
import sys
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax

from qnas_jax.devices import Devices
from qnas_jax.jobs.ahead import Ahead
from qnas_jax.jobs.spec import Job
from qnas_jax.runs import Progress, WorkFolder, progress


@dataclasses.dataclass
class Setting:
    """One run of a job.

    Attributes:
      job: its kind.
      config: all options, checked.
      folder: the work folder.
      archs: file of architectures, for the stages that want one.
      input: folder or file of examples, likewise.
      should_stop: whether the user asked to stop.
      devices: among which work is divided.
      progress: shows how far a loop is.
      during: stage -> a context that lasts while it works, and shows that it does.
      say: tells the user where the run is, one line at a time.
      ahead: what is compiled for later while present work goes on.
    """

    job: Job
    config: Any
    folder: WorkFolder
    archs: str | None = None
    input: str | None = None
    should_stop: Callable[[], bool] = lambda: False
    devices: Devices = Devices()
    progress: Progress = progress
    during: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext()
    say: Callable[[str], object] = lambda line: sys.stderr.write(line + "\n")
    ahead: Ahead = dataclasses.field(default_factory=Ahead)

    def key(self, stream: str) -> jax.Array:
        """The root key, a JAX key [], of a named stream of randomness."""
        root = jax.random.key(self.config.seed)
        return jax.random.fold_in(root, zlib.crc32(stream.encode()))
