"""What a stage was made of and what it left: marks that let a finished stage be kept.

A stage that begins leaves `<stage>/started.json`, one that ends `<stage>/done.json`.
Both hold the options that its result depends on, digests of the data and users' files
that it is made of (`inputs`), and what the stages before it were (`after`); the latter
also the digests of the files that it left, and how far its rows of metrics go. So marks
are a chain: whoever reads a file of an earlier stage knows whether it is the one that
was made from these options and data.

A field that a mark does not know was not there when the stage was made, and counts as
its default, so that a new option does not refuse old work.

Checkpoints have a list of their own (`runs/checkpoints.py`), of which the digest stands
in the mark: they are large, and checked by whoever reads them.
"""

import json
import math
import pathlib
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

from qnas_jax.files import digest, digest_file, remove, sync_file
from qnas_jax.jobs.config import group_of, plain, stored_groups
from qnas_jax.jobs.inputs import Content
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Job, Stage
from qnas_jax.jobs.stopwatch import Spent
from qnas_jax.runs import (
    RowLog,
    RunError,
    WorkFolder,
    read_sealed,
    write_sealed,
)

_DONE, _STARTED = "done.json", "started.json"
_CHECKPOINTS = "checkpoints"
_FORGETTING = "forgetting.json"
_LEAST_SECONDS = 0.001  # of a stage that was stopped; 0 is one that was killed
_BARELY = 60  # seconds

_PROCESSOR = "processor_seconds"

Mark = dict[str, Any]


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
        self._path = setting.folder.path
        self._present = stored_groups(setting.job, setting.config)
        self._contents: dict[str, dict[str, Content]] = {}

    def made_of(self, position: int) -> Mark:
        """The options and contents that a stage's result depends on."""
        inputs = self._inputs(position)
        return {
            "options": self._options(position),
            "inputs": {name: content.digest for name, content in inputs.items()},
            "after": self._after(position),
        }

    def finished(self, position: int) -> bool:
        """Whether a stage ended, whatever it was made of."""
        return (self._folder(self._chain[position]) / _DONE).exists()

    def difference(self, position: int) -> str:
        """What a stage was made or begun with and that is another now, or ""."""
        for mark in self._marks(self._chain[position]):
            found = self._first_difference(mark, position)
            if found:
                return found
        return ""

    def check_made_of(self, positions: Iterable[int]) -> None:
        """Raises RunError if a stage was made or begun with something else."""
        for position in positions:
            stage = self._chain[position]
            found = self.difference(position) if stage.reads else ""
            if found:
                raise RunError(
                    f"{self._path}: its {stage.name} stage was made with {found}; use "
                    f"another --workdir, or --stage={stage.name} to do it again"
                )

    def forget_barely_begun(self, positions: Iterable[int]) -> None:
        """Removes stages that were begun with something else and finished nothing.

        Whoever mends a path or a number within a minute need not take another folder.
        """
        for position in positions:
            stage = self._chain[position]
            found = self.difference(position) if stage.reads else ""
            if found and self._barely_begun(stage):
                self._setting.say(f"{stage.name}: was begun with {found}: anew")
                self.forget(position)

    def _barely_begun(self, stage: Stage) -> bool:
        """Whether a stage has no rows yet, and was stopped within its first minute."""
        folder, metrics = self._folder(stage), self._setting.folder.metrics
        if (folder / _DONE).exists() or not (folder / _STARTED).exists():
            return False
        counts = (end["rows"] for end in metrics.position(stage.rows).values())
        # A killed run has said no time; what it has saved took a minute or more.
        seconds = _read(folder / _STARTED, stage)["seconds"]
        return not any(counts) and 0 < seconds < _BARELY

    def check_left(self, positions: Iterable[int]) -> None:
        """Raises RunError if what stages left, or marks, are not as they were."""
        stages = [self._chain[position] for position in positions]
        for place, stage in enumerate(stages):
            if not stage.reads:
                continue
            folder = self._folder(stage)
            later = [each for each in stages[place + 1 :] if self._begun(each)]
            finished = (folder / _DONE).exists()
            if later and not finished:
                raise RunError(
                    f"{folder / _DONE}: missing, though the {later[0].name} stage was "
                    f"begun after it; put it back, or {_again(stage)}"
                )
            if not self._begun(stage) and _holds_files(folder):
                raise RunError(
                    f"{folder / _STARTED}: missing, though the stage was begun; put it "
                    f"back, or {_again(stage)}"
                )
            if finished:
                check_finished(self._setting.folder, stage)

    def check_others(self, kept: Iterable[int]) -> None:
        """Checks finished stages of other chains too, as the report reads them.

        Args:
          kept: the stages of this chain that stay; what comes after the others goes.
        """
        own = {stage.name for stage in self._chain}
        going = set()
        for position in set(range(len(self._chain))) - set(kept):
            going |= {stage.name for stage in self._from(self._chain[position])}
        for stage in _all_stages(self._setting.job):
            there = (self._folder(stage) / _DONE).exists()
            if stage.name not in own | going and stage.reads and there:
                check_finished(self._setting.folder, stage)

    def begin(self, position: int) -> None:
        """Marks that a stage begins, unless it goes on."""
        stage = self._chain[position]
        if stage.reads and not self._marks(stage):
            mark = {**self.made_of(position), "seconds": 0.0, _PROCESSOR: 0.0}
            write_sealed(self._folder(stage) / _STARTED, mark)

    def interrupted(self, position: int, spent: Spent) -> bool:
        """Adds to the time of a stage; takes back a beginning that nothing followed.

        Returns:
          Whether the stage has left something.
        """
        stage = self._chain[position]
        path = self._folder(stage) / _STARTED
        if not path.exists():
            return False
        if not _holds_files(path.parent):
            shutil.rmtree(path.parent)
            return False
        mark = _read(path, stage)
        spent = spent._replace(seconds=max(spent.seconds, _LEAST_SECONDS))
        write_sealed(path, {**mark, **_with(mark, spent)})
        return True

    def done(self, position: int, spent: Spent) -> None:
        """Marks that a stage ended, with what it left."""
        stage = self._chain[position]
        if not stage.reads:
            return
        folder = self._folder(stage)
        started = _read(folder / _STARTED, stage)
        files = _left(self._path, stage)
        for path in files:
            sync_file(path)  # before the mark that names it
        mark = {
            **started,
            **_with(started, spent),
            "files": {
                path.relative_to(self._path).as_posix(): digest_file(path)
                for path in files
            },
            "rows": self._setting.folder.metrics.position(stage.rows),
        }
        write_sealed(folder / _DONE, mark)

    def forget(self, position: int) -> None:
        """Removes a stage and those after it in any chain, whatever interrupts it.

        A note says first what is to go; whoever finds it goes on. Marks go before
        files, so that no half of a stage looks finished, and later stages before
        earlier ones.
        """
        names = [stage.name for stage in self._from(self._chain[position])]
        write_sealed(self._path / _FORGETTING, {"stages": names})
        self.end_forgetting()

    def end_forgetting(self) -> None:
        """Does what an interrupted `forget` has left."""
        note = self._path / _FORGETTING
        if not note.exists():
            return
        names = read_sealed(note, "delete it")["stages"]
        known = [s for s in _all_stages(self._setting.job) if s.name in names]
        for stage in reversed(known):
            folder = self._folder(stage)
            if stage.reads:
                for path in (folder / _DONE, folder / _STARTED, folder):
                    remove(path)
            for name in stage.files:
                remove(self._path / name)
        self._setting.folder.metrics.drop(row for stage in known for row in stage.rows)
        remove(note)

    def _folder(self, stage: Stage) -> pathlib.Path:
        return self._path / stage.name

    def _begun(self, stage: Stage) -> bool:
        names = (_DONE, _STARTED) if stage.reads else ()
        return any((self._folder(stage) / name).exists() for name in names)

    def _marks(self, stage: Stage) -> list[Mark]:
        """Marks of a stage, but for a beginning that nothing followed."""
        if not _holds_files(self._folder(stage)):
            return []
        paths = [self._folder(stage) / name for name in (_DONE, _STARTED)]
        return [_read(path, stage) for path in paths if path.exists()]

    def _from(self, first: Stage) -> list[Stage]:
        """A stage and all that come after it, in any chain of the job."""
        names = {first.name}
        for chain in self._setting.job.chains.values():
            own = [stage.name for stage in chain]
            if first.name in own:
                names.update(own[own.index(first.name) :])
        return [s for s in _all_stages(self._setting.job) if s.name in names]

    def _options(self, position: int) -> dict[str, Any]:
        groups = {}
        for name in self._read_by(position):
            group: str | None = name
            if name in self._setting.job.families:
                group = group_of(self._setting.job, self._setting.config, name)
            if group is not None:
                groups[group] = self._present[group]
        return groups

    def _inputs(self, position: int) -> dict[str, Content]:
        found: dict[str, Content] = {}
        for name in self._read_by(position):
            read = self._setting.job.inputs.get(name)
            if read is not None:
                if name not in self._contents:
                    self._contents[name] = dict(read(self._setting))
                found.update(self._contents[name])
        return found

    def _read_by(self, position: int) -> list[str]:
        """What a stage and those before it read."""
        stages = self._chain[: position + 1]
        return list(dict.fromkeys(name for stage in stages for name in stage.reads))

    def _after(self, position: int) -> dict[str, str]:
        """What the finished stages before it were made of, and what they left."""
        found = {}
        for stage in self._chain[:position]:
            path = self._folder(stage) / _DONE
            if stage.reads and path.exists():
                mark = _read(path, stage)
                content = {name: mark[name] for name in ("options", "inputs", "files")}
                text = json.dumps(content, sort_keys=True)
                found[stage.name] = digest(text.encode("utf-8"))
        return found

    def _first_difference(self, mark: Mark, position: int) -> str:
        records = self._setting.job.all_groups
        for group, now in self._options(position).items():
            if group not in mark["options"]:
                return f"no {group}, got {now!r}"
            before = mark["options"][group]
            if not isinstance(now, dict):
                if before != now:
                    return f"{group}={before!r}, got {now!r}"
                continue
            defaults = plain(records[group]())
            for field, value in now.items():
                was = before.get(field, defaults[field])
                if was != value:
                    return f"{group}.{field}={was!r}, got {value!r}"
        for name, content in self._inputs(position).items():
            if mark["inputs"].get(name, content.digest) != content.digest:
                return content.other
        for stage, identity in self._after(position).items():
            if mark["after"].get(stage, identity) != identity:
                return f"another {stage} stage before it"
        return ""


def check_finished(folder: WorkFolder, stage: Stage) -> None:
    """Checks what a finished stage left.

    Args:
      folder: the work folder.
      stage: a finished stage.

    Raises:
      RunError: a file or a row is gone or was changed; one line says which, and what
        to do.
    """
    mark = _read(folder.path / stage.name / _DONE, stage)
    for name, expected in mark["files"].items():
        path = folder.path / name
        if not path.is_file():
            raise RunError(
                f"{path}: missing, though the {stage.name} stage is finished; put it "
                f"back, or {_again(stage)}"
            )
        if digest_file(path) != expected:
            raise RunError(
                f"{path}: not as the {stage.name} stage left it; put it back, or "
                f"{_again(stage)}"
            )
    rows = RowLog(folder.path / "metrics.jsonl", _again(stage))
    rows.check(mark["rows"], whole=True)


def spent_by_stage(folder: WorkFolder, job: Job) -> dict[str, Spent]:
    """Time by stage, over all processes that worked on the run one after the other.

    Processor time is that of the first process of several at once; nan for stages made
    before it was counted.
    """
    found: dict[str, Spent] = {}
    for stage in _all_stages(job):
        for name in (_DONE, _STARTED):
            path = folder.path / stage.name / name
            if stage.reads and stage.name not in found and path.exists():
                mark = _read(path, stage)
                processor = mark.get(_PROCESSOR, math.nan)
                found[stage.name] = Spent(mark["seconds"], processor)
    return found


def _with(mark: Mark, spent: Spent) -> Mark:
    """The times of a mark with what was spent since."""
    times = {"seconds": round(mark["seconds"] + spent.seconds, 3)}
    if _PROCESSOR in mark:
        times[_PROCESSOR] = round(mark[_PROCESSOR] + spent.processor, 3)
    return times


def _all_stages(job: Job) -> list[Stage]:
    """The stages of all chains, one a name, each behind those that it comes after."""
    stages = [stage for chain in job.chains.values() for stage in chain]
    return list({stage.name: stage for stage in stages}.values())


def _left(path: pathlib.Path, stage: Stage) -> list[pathlib.Path]:
    """What a stage left, but for marks and checkpoints."""
    folder = path / stage.name
    inside = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.name not in (_DONE, _STARTED)
        and _CHECKPOINTS not in file.relative_to(folder).parts
        and not file.name.startswith(".")
    ]
    return inside + [path / name for name in stage.files if (path / name).is_file()]


def _holds_files(folder: pathlib.Path) -> bool:
    """Whether there is anything but a mark, and parts of files of a killed run."""
    return folder.is_dir() and any(
        entry.name != _STARTED and not entry.name.startswith(".")
        for entry in folder.iterdir()
    )


def _read(path: pathlib.Path, stage: Stage) -> Mark:
    return read_sealed(path, _again(stage))


def _again(stage: Stage) -> str:
    return f"--stage={stage.name} does it again"
