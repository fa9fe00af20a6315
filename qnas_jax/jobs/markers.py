"""What a stage was made with: the marks that let a finished stage be kept.

A stage that begins leaves `<stage>/started.json`, one that ends `<stage>/done.json`,
each with the options that its result depends on. A field that a mark does not know was
not there when the stage was made, and counts as its default, so that a new option does
not refuse old work.
"""

import shutil
from collections.abc import Sequence
from typing import Any

from qnas_jax.jobs.config import group_of, plain, stored_groups
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Stage
from qnas_jax.runs import RunError, read_json, write_json

_DONE, _STARTED = "done.json", "started.json"


class Marks:
    """The marks of a chain of stages in a work folder."""

    def __init__(self, setting: Setting, chain: Sequence[Stage]):
        """Takes what the stages would be made with now.

        Args:
          setting: the run.
          chain: its stages, in order.
        """
        self._setting = setting
        self._chain = chain
        self._present = stored_groups(setting.job, setting.config)

    def made_with(self, position: int) -> dict[str, Any]:
        """The options that a stage's result depends on, by group."""
        families = self._setting.job.families
        groups = {}
        for stage in self._chain[: position + 1]:
            for name in stage.reads:
                group: str | None = name
                if name in families:
                    group = group_of(self._setting.job, self._setting.config, name)
                if group is not None:
                    groups[group] = self._present[group]
        return groups

    def finished(self, position: int) -> bool:
        """Whether a stage ended, whatever it was made with."""
        return (self._folder(position) / _DONE).exists()

    def difference(self, position: int) -> tuple[str, Any, Any] | None:
        """The first option that a stage was made or begun with and that is another.

        Args:
          position: of the stage in the chain.

        Returns:
          Its name, the old and the new value; None if all are equal, or there is no
          mark.
        """
        if self._is_untouched(position):
            return None
        for name in (_DONE, _STARTED):
            path = self._folder(position) / name
            if path.exists():
                found = self._first_difference(read_json(path), position)
                if found:
                    return found
        return None

    def check(self, position: int) -> None:
        """Raises RunError if a stage was made or begun with other options."""
        found = self.difference(position) if self._chain[position].reads else None
        if found:
            field, old, new = found
            stage = self._chain[position].name
            raise RunError(
                f"{self._setting.folder.path}: its {stage} stage was made with "
                f"{field}={old!r}, got {new!r}; use another --workdir, or "
                f"--stage={stage} to do it again"
            )

    def started(self, position: int) -> None:
        """Marks that a stage begins."""
        self._write(position, _STARTED)

    def withdraw(self, position: int) -> None:
        """Removes the mark of a beginning that nothing followed."""
        if self._is_untouched(position):
            shutil.rmtree(self._folder(position))

    def _is_untouched(self, position: int) -> bool:
        """Whether a stage began and left nothing, also if it was killed."""
        folder = self._folder(position)
        return folder.exists() and [each.name for each in folder.iterdir()] == [
            _STARTED
        ]

    def done(self, position: int) -> None:
        """Marks that a stage ended."""
        self._write(position, _DONE)

    def forget(self, position: int) -> None:
        """Removes a stage: its marks first, so that no half of it looks finished."""
        stage = self._chain[position]
        if not stage.reads:
            return
        for name in (_DONE, _STARTED):
            (self._folder(position) / name).unlink(missing_ok=True)
        shutil.rmtree(self._folder(position), ignore_errors=True)
        self._setting.folder.forget(stage.name, *stage.files)

    def _folder(self, position: int) -> Any:
        return self._setting.folder.path / self._chain[position].name

    def _write(self, position: int, name: str) -> None:
        if self._chain[position].reads:
            write_json(self._folder(position) / name, self.made_with(position))

    def _first_difference(
        self, old: dict[str, Any], position: int
    ) -> tuple[str, Any, Any] | None:
        records = self._setting.job.all_groups
        for group, now in self.made_with(position).items():
            if group not in old:
                return group, None, now
            before = old[group]
            if not isinstance(now, dict):
                if before != now:
                    return group, before, now
                continue
            defaults = plain(records[group]())
            for field, value in now.items():
                was = before.get(field, defaults[field])
                if was != value:
                    return f"{group}.{field}", was, value
        return None
