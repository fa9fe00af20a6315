"""States of a training: written by orbax, and listed once they are on the disk.

Beside a folder of checkpoints lies the list of those that count, `<folder>.json`, with
the digest of each of their files. So what was cut short, damaged or deleted is seen
before orbax reads it, and the checkpoint before it, which is kept, can take its place.
"""

import dataclasses
import pathlib
import shutil
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
from absl import logging

from qnas_jax.files import digest_file, sync_file, sync_folder
from qnas_jax.options import Options, option
from qnas_jax.runs.errors import RunError
from qnas_jax.runs.json_files import read_sealed, write_sealed


@dataclasses.dataclass(frozen=True)
class CheckpointOptions(Options):
    """When the state of a long stage is saved; no result depends on it."""

    minutes: float = option(1.0, "the longest time between two checkpoints", above=0)
    steps: int = option(
        0, "the most steps of a training between two, in epochs too; 0: any", low=0
    )
    kept: int = option(
        2, "so many stay; the ones before stand in for a damaged last one", low=2
    )


class Saved(NamedTuple):
    """A state that was saved.

    Attributes:
      state: as it was.
      note: what was saved with it.
    """

    state: Any
    note: Any


class Checkpoints:
    """The newest states of a training."""

    def __init__(
        self,
        path: pathlib.Path,
        options: CheckpointOptions | None = None,
        *,
        remedy: str = "train again in another folder",
    ):
        """Opens a checkpoint folder.

        Args:
          path: folder, made on the first save.
          options: when a save is due, and how many are kept; the defaults if None.
          remedy: what the user can do if nothing can be read.
        """
        self._path = path
        self._list = path.with_name(path.name + ".json")
        self._own = path.with_name(path.name + ".npz")  # of `CopiedCheckpoints`
        self._remedy = remedy
        self._opened: Any = None
        self._options = options or CheckpointOptions()
        self._last = time.monotonic()
        self._step = 0  # of the last one

    def restore(self, state: Any) -> Saved | None:
        """Reads the newest state that is whole, to go on from there.

        Newer ones are removed, as they will be made again.

        Args:
          state: a state of the same structure, shapes and types.

        Returns:
          What was saved; None if nothing was saved yet.

        Raises:
          RunError: what was saved is gone or damaged, all of it.
        """
        listed = self._listed()
        whys = []
        for step in listed:
            why = self._wrong_file(step, listed[step])
            if not why:
                break
            whys.append(why)
        kept = dict(list(listed.items())[len(whys) :])
        if whys and not kept:
            raise RunError(
                f"{self._path}: holds no checkpoint that can be read ({whys[0]}); put "
                f"it back, or {self._remedy}"
            )
        for why in whys:
            logging.warning("%s; going on from the checkpoint before it", why)
        if whys:
            self._write_list(kept)
        self._remove_others(kept)
        if not kept:
            return None
        self._step = next(iter(kept))
        return Saved(self._read(self._step, state), kept[self._step]["note"])

    def restore_fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Reads some fields of the last state of a finished training, nothing else.

        Args:
          fields: for each name a tree of arrays, or of their shapes and types.

        Returns:
          What is stored, in the same form.

        Raises:
          RunError: nothing is stored, or the last state is damaged.
        """
        listed = self._listed()
        if not listed or not any(self._steps()):
            raise RunError(
                f"{self._path} holds no checkpoint, though the stage is finished; put "
                f"it back, or {self._remedy}"
            )
        last = next(iter(listed))
        wrong = self._wrong_file(last, listed[last])
        if wrong:
            raise RunError(f"{wrong}; put it back, or {self._remedy}")
        return self._read(last, fields, partial_restore=True)

    def save(self, state: Any, note: Any = None) -> None:
        """Writes a state with a field `step`, unless that step is stored.

        Args:
          state: the state.
          note: a JSON value that `restore` gives back with it.
        """
        step = int(state.step)
        listed = self._listed()
        if step not in listed:
            import orbax.checkpoint as ocp

            manager = self._manager()
            manager.save(step, args=ocp.args.PyTreeSave(_local(state)))
            entry = {"files": self._digests(step), "note": note}
            there = manager.all_steps()
            self._write_list(
                {each: listed[each] for each in there if each in listed} | {step: entry}
            )
        self._saved(step)

    def _saved(self, step: int) -> None:
        self._last, self._step = time.monotonic(), step

    def is_due(self, step: int) -> bool:
        """Whether a state after so many steps is to be saved."""
        options = self._options
        if options.steps and step - self._step >= options.steps:
            return True
        return time.monotonic() - self._last >= 60 * options.minutes

    def close(self) -> None:
        """Frees orbax's threads."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _manager(self) -> Any:
        if self._opened is None:
            import orbax.checkpoint as ocp

            self._path.mkdir(parents=True, exist_ok=True)
            self._opened = ocp.CheckpointManager(
                self._path.absolute(),
                options=ocp.CheckpointManagerOptions(
                    max_to_keep=self._options.kept,
                    create=False,
                    enable_async_checkpointing=False,
                    # Each process of a run has a folder of its own.
                    multiprocessing_options=ocp.options.MultiprocessingOptions(
                        primary_host=jax.process_index(),
                        active_processes={jax.process_index()},
                        barrier_sync_key_prefix=f"process{jax.process_index()}",
                    ),
                ),
            )
        return self._opened

    def _listed(self) -> dict[int, dict[str, Any]]:
        """The checkpoints that count, the newest first."""
        if self._list.exists():
            steps = read_sealed(self._list, self._remedy)["steps"]
            return {int(step): steps[step] for step in sorted(steps, key=int)[::-1]}
        # A kill between a first save and its listing leaves one; more were listed once.
        if len(self._steps()) > 1:
            raise RunError(f"{self._list}: missing; put it back, or {self._remedy}")
        return {}

    def _steps(self) -> list[int]:
        if not self._path.is_dir():
            return []
        names = (entry.name for entry in self._path.iterdir())
        return [int(name) for name in names if name.isdecimal()]

    def _write_list(self, entries: dict[int, dict[str, Any]]) -> None:
        steps = {str(step): entry for step, entry in entries.items()}
        write_sealed(self._list, {"steps": steps})

    def _remove_others(self, kept: Iterable[int]) -> None:
        others = set(self._steps()) - set(kept)
        if others:
            self.close()  # orbax remembers which steps there are
        for step in others:
            shutil.rmtree(self._path / str(step))

    def _digests(self, step: int) -> dict[str, str]:
        """Of each file of a checkpoint by its path; they are on the disk then."""
        folder = self._path / str(step)
        found = {}
        sync_folder(self._path)
        for file in [folder, *sorted(folder.rglob("*"))]:
            if file.is_dir():
                sync_folder(file)
                continue
            sync_file(file)
            found[file.relative_to(folder).as_posix()] = digest_file(file)
        return found

    def _wrong_file(self, step: int, entry: dict[str, Any]) -> str:
        """What is wrong with the first file that is not as it was written, or ""."""
        folder = self._path / str(step)
        for name, digest in entry["files"].items():
            file = folder / name
            if not file.is_file():
                return f"{file}: missing"
            if digest_file(file) != digest:
                return f"{file}: not as it was written"
        return ""

    def _read(self, step: int, tree: Any, **options: bool) -> Any:
        import orbax.checkpoint as ocp

        here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        template = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=leaf.sharding or here
            ),
            tree,
        )
        how = ocp.checkpoint_utils.construct_restore_args(template)
        args = ocp.args.PyTreeRestore(template, restore_args=how, **options)
        try:
            return self._manager().restore(step, args=args)
        # The files are as they were written, so they are of another form. What orbax
        # raises then is of many kinds, and pages long.
        except Exception as error:
            raise RunError(
                f"{self._path / str(step)}: a checkpoint of another form than this "
                f"version reads ({type(error).__name__}); {self._remedy}"
            ) from error


def _local(state: Any) -> Any:
    """A state as this process can write it; all processes hold the same."""
    return state if jax.process_count() == 1 else jax.device_get(state)
