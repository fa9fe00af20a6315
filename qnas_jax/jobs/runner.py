"""Which stages a command runs: what is finished is kept, what was stopped goes on.

    all       every stage of the job, as far as not finished
    <stage>   that stage again from its start, and those after it
    <chain>   another chain of the job (`rank`): what is missing before, then its goal

A finished stage leaves marks with the options and data that made it, and with digests
of what it left (`jobs/markers.py`); if they differ from the present ones, the command
ends with one line instead of mixing runs. One process at a time works in a folder.
"""

import functools
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.files import remove, replace_file
from qnas_jax.jobs.config import stored_groups
from qnas_jax.jobs.markers import Marks
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Stage
from qnas_jax.jobs.stopwatch import Stopwatch
from qnas_jax.runs import (
    LAYOUT,
    RunError,
    environment,
    read_sealed,
    write_json,
    write_sealed,
)


def run_stages(setting: Setting, stage: str, command: list[str]) -> list[str]:
    """Runs what a command asks for.

    Args:
      setting: the run.
      stage: one of the job's `stage_names`.
      command: the command line, for `environment.json`.

    Returns:
      Lines to print: what the stages have to say.

    Raises:
      RunError: earlier stages are missing, damaged, or were made of something else; or
        another process works in the folder.
      UserError: the configuration has no such stage.
      Stopped: the user asked to stop.
    """
    job = setting.job
    if stage in job.answers:
        return _lines(job.answers[stage].run(setting))
    with setting.folder.locked(), setting.ahead.at_work(setting.devices):
        return _run_chain(setting, stage, command)


def _run_chain(setting: Setting, stage: str, command: list[str]) -> list[str]:
    job = setting.job
    setting.folder.check_layout()
    chain = [
        step
        for step in job.chains.get(stage, job.chains["all"])
        if step.needed(setting.config)
    ]
    marks = Marks(setting, chain)
    marks.end_forgetting()
    for step in _ahead(chain, marks, stage):
        step.check(setting)
    first = _first_stage(setting, chain, marks, stage)
    put_back = _write_config(setting, command)
    said: list[str] = []
    for position, step in enumerate(chain):
        if step.reads and marks.finished(position):
            setting.say(f"{step.name}: finished before, kept")
            continue
        if position < first:
            raise _missing(setting, stage, step.name)
        setting.say(f"{step.name}: working")
        marks.begin(position)
        _offer(setting, chain[position + 1 :])
        watch = Stopwatch()
        try:
            with setting.during(step.name):
                setting.ahead.wait(step.name)
                answer = step.run(setting)
        except BaseException as error:
            left = marks.interrupted(position, watch.read())
            if isinstance(error, UserError) and not (left or said):
                put_back()
            if isinstance(error, RunError):
                remove(_rerun_path(setting))  # a rerun could not go on from here
            raise
        marks.done(position, watch.read())
        lines = _lines(answer) or ["finished"]
        said += [f"{step.name}: {lines[0]}", *lines[1:]]
    _rerun_path(setting).unlink(missing_ok=True)
    return said


def _offer(setting: Setting, later: Sequence[Stage]) -> None:
    """Says what can be done ahead for the next stage."""
    for step in later[:1]:
        work = step.prepare and functools.partial(step.prepare, setting)
        setting.ahead.offer(step.name, work)


def _ahead(chain: Sequence[Stage], marks: Marks, stage: str) -> list[Stage]:
    """The stages that a command will run, if nothing speaks against it."""
    names = [step.name for step in chain]
    goal = names.index(stage) if stage in names else len(chain)
    return [
        step
        for position, step in enumerate(chain)
        if position >= goal or not marks.finished(position)
    ]


def _first_stage(
    setting: Setting, chain: Sequence[Stage], marks: Marks, stage: str
) -> int:
    """Where a command may start to work; wipes what it is to do again."""
    names = [step.name for step in chain]
    if stage == "all":
        goal = len(chain)
    elif stage in names:
        goal = names.index(stage)
    else:
        raise UserError(
            f"--stage={stage}: this configuration has no such stage, expected one of "
            f"{', '.join(names)}"
        )
    before = range(goal)
    marks.forget_barely_begun(before)
    marks.check_made_of(before)
    marks.check_left(before)
    marks.check_others(before)
    if stage == "all":
        return 0
    lacking = [p for p in before if chain[p].reads and not marks.finished(p)]
    if not lacking:
        chain[goal].ready(setting)
    if stage in setting.job.chains:
        _refresh(setting, marks, goal, stage)
        return 0
    if lacking:
        raise _missing(setting, stage, names[lacking[0]])
    _begin_again(setting, chain, marks, goal)
    return goal


def _refresh(setting: Setting, marks: Marks, goal: int, stage: str) -> None:
    """Wipes the goal of a chain, unless it was stopped and can go on."""
    try:
        changed = marks.difference(goal)
        marks.check_left([goal])
    except RunError as error:
        changed = str(error)
    if changed:
        setting.say(f"{stage}: was made with {changed}: anew")
    if changed or marks.finished(goal):
        marks.forget(goal)


def _begin_again(
    setting: Setting, chain: Sequence[Stage], marks: Marks, goal: int
) -> None:
    """Wipes a stage and those after it, unless that was done and stopped."""
    if not chain[goal].reads:
        return  # what it writes is replaced
    wanted = {"stage": chain[goal].name, "made_of": marks.made_of(goal)}
    if not _goes_on(setting, chain, marks, goal, wanted):
        remove(_rerun_path(setting))
        marks.forget(goal)
        write_sealed(_rerun_path(setting), wanted)


def _goes_on(
    setting: Setting,
    chain: Sequence[Stage],
    marks: Marks,
    goal: int,
    wanted: dict[str, Any],
) -> bool:
    """Whether a rerun goes on; stages with other options since then are wiped."""
    path = _rerun_path(setting)
    try:
        if not path.exists() or read_sealed(path, "") != wanted:
            return False
        later = range(goal, len(chain))
        for position in later:
            if chain[position].reads and marks.difference(position):
                marks.forget(position)
                break
        marks.check_left(later)
    except RunError as error:
        setting.say(f"{chain[goal].name}: from its start, as of {error}")
        return False
    return True


def _missing(setting: Setting, stage: str, name: str) -> RunError:
    return RunError(
        f"--stage={stage}: the work folder {setting.folder.path} has no finished "
        f"{name} stage; run --stage={name} first"
    )


def _rerun_path(setting: Setting) -> pathlib.Path:
    return setting.folder.path / "rerun.json"


def _write_config(setting: Setting, command: list[str]) -> Callable[[], None]:
    """Leaves what made this run, once nothing speaks against it.

    Returns:
      Puts back what was there, for a command that is refused after all.
    """
    groups = stored_groups(setting.job, setting.config)
    config, made_by = (
        setting.folder.path / name for name in ("config.json", "environment.json")
    )
    before = {
        path: path.read_bytes() if path.is_file() else None
        for path in (config, made_by)
    }
    write_json(config, {"layout": LAYOUT, "job": setting.job.name, **groups})
    write_json(made_by, environment(command))

    def put_back() -> None:
        for path, content in before.items():
            if content is None:
                remove(path)
            else:
                replace_file(path, content)

    return put_back


def _lines(answer: Any) -> list[str]:
    """What a stage says as lines."""
    if answer is None:
        return []
    if isinstance(answer, Iterable) and not isinstance(answer, str):
        return [str(line) for line in answer]
    return [str(answer)]
